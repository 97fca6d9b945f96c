"""AMA: Articulated Mesh Animation (Vlasic, Baran, Matusik, Popovic, SIGGRAPH 2008), frames as OBJ files.

``ROOT/<sequence>/meshes/mesh_0000.obj`` as in the archives, or ``ROOT/<sequence>/mesh_0000.obj``. A sequence folder has
the name that the authors' archive has (``I_crane``) or that the split lists use (``crane``).
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mesh_datasets.choice import described, seeded_choice
from mesh_datasets.data_roots import Place
from mesh_datasets.file_shape import file_size, file_stamp, load_mesh_file
from mesh_datasets.selection import load_selection
from mesh_datasets.shape_set import Shape
from mesh_datasets.split_file import SplitLine, parsed, require_all

if TYPE_CHECKING:
    from mesh_datasets.loading import Request

    Frames = dict[tuple[str, int], Path]

PAPER_SIZE = 500
SPLIT_FORM = "crane,mesh_0002.obj"

ARCHIVE_NAMES = MappingProxyType(
    {
        "i_crane": "crane",
        "i_jumping": "jumping",
        "i_march": "march1",
        "i_squat": "squat1",
        "d_bouncing": "bouncing",
        "d_handstand": "handstand",
        "d_march": "march2",
        "d_squat": "squat2",
        "t_samba": "samba",
        "t_swing": "swing",
    }
)
"""Archive name (lower case) -> sequence name. Subject I gives march1 and squat1, subject D march2 and squat2."""

_FRAME = re.compile(r"mesh_(\d+)\.obj", re.IGNORECASE)
_SPLIT_LINE = re.compile(r"([^,]+?)\s*,\s*mesh_(\d+)(?:\.obj)?", re.IGNORECASE)


def sequence_name(folder: str) -> str:
    """The sequence that a folder or a split line means: archive names and ``march_1`` become ``march1``."""
    lower = folder.strip().lower()
    return ARCHIVE_NAMES.get(lower, re.sub(r"_(?=\d+$)", "", lower))


def frames(root: Path) -> Frames:
    """(sequence, frame number) -> file, sorted."""
    found: Frames = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        inner = folder / "meshes"
        for path in (inner if inner.is_dir() else folder).iterdir():
            match = _FRAME.fullmatch(path.name)
            if match:
                found.setdefault((sequence_name(folder.name), int(match[1])), path)
    return dict(sorted(found.items()))


def _holds(root: Path) -> bool:
    patterns = ("*/meshes/mesh_*.obj", "*/mesh_*.obj")
    return any(next(root.glob(pattern), None) is not None for pattern in patterns)


PLACE = Place("ama", ("ama", "mesh_animation", "articulated_mesh_animation"), _holds)


def split_key(text: str) -> tuple[str, int] | None:
    """The frame that a line of a split file names, or None when it is not of the form ``crane,mesh_0002.obj``."""
    match = _SPLIT_LINE.fullmatch(text)
    return (sequence_name(match[1]), int(match[2])) if match else None


def select(request: Request, lines: list[SplitLine] | None, count: int) -> tuple[tuple[Shape, ...], dict[str, Any]]:
    """The shapes that ``lines`` name, or a seeded choice of ``count``; and how they were chosen."""
    root = PLACE.require(request.data_root)
    found = frames(root)
    provenance: dict[str, Any] = {"dataset": "ama", "root": str(root.absolute())}
    if lines is None:
        keys = seeded_choice(list(found), count, request.seed, shape_name)
        provenance |= described(count, len(found), request.seed)
    else:
        keys = parsed(lines, split_key, SPLIT_FORM)
        require_all(keys, [shape_name(key) for key in keys if key not in found], root, lines[0].path)
        provenance |= {"selection": "split file", "split": str(lines[0].path), "available": len(found)}
    return tuple(_shape(key, found[key]) for key in keys), provenance


def shape_name(key: tuple[str, int]) -> str:
    """``crane/mesh_0002``"""
    return f"{key[0]}/mesh_{key[1]:04d}"


def _shape(key: tuple[str, int], path: Path) -> Shape:
    return Shape(
        name=shape_name(key),
        category="human",
        stamp=file_stamp(path),
        loader=partial(load_mesh_file, path),
        size=file_size(path),
    )


load_ama = partial(load_selection, "ama", select, PAPER_SIZE)
"""Loader of `mesh_datasets.catalog`: the shapes of the split, else of the seeded choice."""
