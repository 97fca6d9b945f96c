"""Makes sure that the shared libraries which wheels cannot bring are there.

Open3D and pymeshlab are linked against libraries of a desktop system. Run as ``python -m bench.system_libraries``:
installs what is missing where it may (root on a Debian-like system), and otherwise prints the one line to type.
Uses the standard library only, so that it runs before anything is installed.
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
    """Install what is missing, or say how. Returns 0 when everything is there in the end, else 3."""
    packages = missing_packages()
    if not packages:
        return 0
    apt = shutil.which("apt-get")
    if apt and hasattr(os, "geteuid") and os.geteuid() == 0:
        print(f"installing system libraries: {' '.join(packages)}", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
            subprocess.run([apt, *arguments], env=quiet, check=False, stdout=subprocess.DEVNULL)
        packages = missing_packages()
        if not packages:
            return 0
    print(f"Open3D and pymeshlab need system libraries that are missing here. Type:\n    {install_line(packages)}")
    return 3


if __name__ == "__main__":
    sys.exit(main())
