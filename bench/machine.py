"""What a run was made with: machine, packages, git state. Collected without importing anything heavy."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "necgs-bench",
    "torch",
    "numpy",
    "scipy",
    "trimesh",
    "DracoPy",
    "pymeshlab",
    "open3d",
    "open3d-cpu",
    "nvdiffrast",
    "constriction",
    "libigl",
    "numba",
    "pykdtree",
    "manifold3d",
    "pandas",
)


def describe() -> dict[str, Any]:
    """CPU, cores, memory, GPU, operating system, Python, package versions, and a fingerprint of what affects times."""
    import psutil

    facts: dict[str, Any] = {
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": _gpu_names(),
        "os": platform.platform(),
        "python": sys.version.split()[0],
        "packages": package_versions(),
    }
    identity = {key: facts[key] for key in ("cpu", "cores", "memory_gb", "gpu")}
    facts["fingerprint"] = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    return facts


@functools.lru_cache(1)
def fingerprint() -> str:
    """The fingerprint of this machine, see `describe`."""
    return str(describe()["fingerprint"])


def package_versions() -> dict[str, str]:
    """Versions of the installed packages that a result may depend on."""
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def git_state() -> dict[str, Any]:
    """Commit of the checkout that the code runs from and whether it has local changes; empty outside a checkout."""
    folder = Path(__file__).resolve().parent
    commit = _output(["git", "-C", str(folder), "rev-parse", "HEAD"])
    if not commit:
        return {}
    return {"commit": commit, "dirty": bool(_output(["git", "-C", str(folder), "status", "--porcelain"]))}


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpu_names() -> list[str]:
    text = _output(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"])
    return [line.strip() for line in text.splitlines()]


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_mb() -> float:
    """Physical memory in MiB."""
    import psutil

    return float(psutil.virtual_memory().total) / 2**20
