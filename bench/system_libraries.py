"""Looks for the shared libraries which wheels cannot bring.

Open3D and pymeshlab are linked against libraries of a desktop system. Run as ``python -m bench.system_libraries``:
prints the one line to type where some are missing; with ``BENCH_INSTALL_LIBRARIES=1`` it installs them (as root, or
through a ``sudo`` that asks for no password, on a Debian-like system). Uses the standard library only, so that it runs
before anything is installed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

# soname -> Debian package. Without libOpenGL pymeshlab loads, but without its mesh filters.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libOpenGL.so.0": "libopengl0",
}


def missing_packages() -> list[str]:
    """Debian packages of the libraries that this system cannot load; empty on systems other than Linux."""
    if not sys.platform.startswith("linux"):
        return []
    return [package for soname, package in LIBRARIES.items() if not _loads(soname)]


def install_line(packages: list[str]) -> str:
    """The command that installs ``packages`` on a Debian-like system."""
    return f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"


def _loads(soname: str) -> bool:
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def main() -> int:
    """Say how to install what is missing, or install it where that is asked for.

    Returns:
        0 when everything is there in the end, else 3.
    """
    packages = missing_packages()
    if packages and os.environ.get("BENCH_INSTALL_LIBRARIES") == "1":
        _install(packages)
        packages = missing_packages()
    if not packages:
        return 0
    print(
        f"Open3D and pymeshlab need system libraries that are missing here. Type:\n    {install_line(packages)}\n"
        "or set BENCH_INSTALL_LIBRARIES=1 to have it done."
    )
    return 3


def _install(packages: list[str]) -> None:
    """Run apt-get where it is there and allowed without a question."""
    apt, sudo = shutil.which("apt-get"), shutil.which("sudo")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not apt or not (root or sudo):
        return
    print(f"installing system libraries: {' '.join(packages)}", flush=True)
    before = [] if root else ["sudo", "-n"]
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        command = [*before, "env", "DEBIAN_FRONTEND=noninteractive", apt, *arguments]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
