"""Room on a disk, and sizes as people read them."""

from __future__ import annotations

import shutil
from pathlib import Path


def readable(size: float) -> str:
    """``4.1 GB``, ``21 MB``, ``812 bytes``."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}" if size < 10 * scale else f"{size / scale:,.0f} {unit}"
    return f"{size:.0f} bytes"


def nearest(folder: Path) -> Path:
    """``folder``, or the nearest of those above it that exists."""
    folder = folder.absolute()
    return next(parent for parent in (folder, *folder.parents) if parent.is_dir())


def free(folder: Path) -> int:
    """Free bytes of the disk on which ``folder`` lies or will lie."""
    return shutil.disk_usage(nearest(folder)).free
