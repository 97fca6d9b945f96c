"""Which files of a source are wanted, and where each of them goes: path in the source -> path in the installed folder.

Paths are relative, with ``/``; archives inside of the source count as folders. All else (images, calibrations,
sources, videos) is left where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from mesh_datasets.ama import ARCHIVE_NAMES

Layout = Callable[[PurePosixPath], PurePosixPath | None]

CHECKPOINTS = {
    "r1_0.025bpp.pth": "a252833dad6d1f1cf0e1c36913e5abbe851b1d66a0045d91fd4e75a1a631cb35",
    "r2_0.05bpp.pth": "5467d26edbe6d7b642a2500625a0e3e6423439eed18d699d87251bcf0f72d80f",
    "r3_0.10bpp.pth": "d29ec4836a51cf637318a24529b821061c60115e30100d6c93e9355083bf5e80",
    "r4_0.15bpp.pth": "c4f1aba300576c063e3a4ea4bf05c4965e6662e2dd16c4808f4902516f3c094d",
    "r5_0.25bpp.pth": "745891986f5086ba3b80e5fa7359333075f99063b02b5d527bdef1a106863212",
    "r6_0.3bpp.pth": "c73f46a9c22e25e75c6aec5c105de984276b9b381c3bcf5d177c2cfe82b4a5a4",
    "r7_0.4bpp.pth": "aefea7b5d42001bcf9bbd8cfbc157b227d6850a83904b52ffa023beaa2cb60f3",
}
"""File -> SHA-256 of the published checkpoints of PCGCv2."""

_FRAME = re.compile(r"mesh_\d+\.obj", re.IGNORECASE)
_MODEL = re.compile(r"\d+\.(stl|obj|ply|off)", re.IGNORECASE)
_ARRAYS = re.compile(r"\d+\.npz", re.IGNORECASE)
_SEQUENCES = {*ARCHIVE_NAMES, *ARCHIVE_NAMES.values()}
_GROUPS = ("animals", "humanoids")


def programs(*names: str) -> Layout:
    """Executables of these names, into ``bin``; files of a folder ``cfg`` keep their places in it."""
    wanted = {f"{name}{suffix}".lower() for name in names for suffix in ("", ".exe")}

    def place(path: PurePosixPath) -> PurePosixPath | None:
        if path.name.lower() in wanted:
            return PurePosixPath("bin", path.name)
        if path.suffix.lower() == ".cfg" and "cfg" in path.parts[:-1]:
            last = len(path.parts) - 1 - path.parts[::-1].index("cfg")
            return PurePosixPath(*path.parts[last:])
        return None

    return place


def program_alone(name: str) -> Layout:
    """One executable, into ``bin``."""
    place = programs(name)
    return lambda path: None if path.suffix.lower() == ".cfg" else place(path)


def checkpoints(path: PurePosixPath) -> PurePosixPath | None:
    """The published checkpoints of PCGCv2."""
    return PurePosixPath(path.name) if path.name in CHECKPOINTS else None


def ama(path: PurePosixPath) -> PurePosixPath | None:
    """Frames, as ``<sequence>/meshes/mesh_0000.obj``; the sequence is the last folder that has the name of one."""
    if not _FRAME.fullmatch(path.name):
        return None
    named = [part for part in path.parts[:-1] if _sequence(part) in _SEQUENCES]
    return PurePosixPath(named[-1], "meshes", path.name) if named else None


def _sequence(folder: str) -> str:
    return re.sub(r"_(?=\d+$)", "", folder.lower())


def dt4d(path: PurePosixPath) -> PurePosixPath | None:
    """Animations, as ``{animals,humanoids}/<id>/<id>.anime``; without the first where the source does not tell."""
    if path.suffix.lower() != ".anime":
        return None
    group = [part.lower() for part in path.parts[:-1] if part.lower() in _GROUPS]
    return PurePosixPath(*group[-1:], path.stem, path.name)


def thingi10k(path: PurePosixPath) -> PurePosixPath | None:
    """Models, as ``raw_meshes/<id>.stl`` or ``npz/<id>.npz``."""
    if _ARRAYS.fullmatch(path.name):
        return PurePosixPath("npz", path.name)
    return PurePosixPath("raw_meshes", path.name) if _MODEL.fullmatch(path.name) else None
