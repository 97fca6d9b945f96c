"""DT4D: DeformingThings4D (Li et al., ICCV 2021), frames of ``.anime`` files.

``ROOT/{animals,humanoids}/<id>/<id>.anime``; also found without the first folder, or flat. The paper's 500 frames are
animals, so the choice without a split is made among the animals where there are any. A split may name any frame.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mesh_datasets.anime import read_frame, read_header
from mesh_datasets.choice import described, seeded_choice
from mesh_datasets.data_roots import Place
from mesh_datasets.errors import InvalidShape
from mesh_datasets.file_shape import file_size, file_stamp
from mesh_datasets.selection import load_selection
from mesh_datasets.shape_set import Shape
from mesh_datasets.split_file import SplitLine, parsed, require_all

if TYPE_CHECKING:
    from mesh_datasets.loading import Request

PAPER_SIZE = 500
SPLIT_FORM = "bear3EP_Agression 0033.obj"

_PATTERNS = ("*/*/*.anime", "*/*.anime", "*.anime")
_CATEGORIES = {"animals": "animal", "humanoids": "human"}
_SPLIT_LINE = re.compile(r"(\S+)\s+(\d+)(?:\.obj)?", re.IGNORECASE)


class Animation(NamedTuple):
    """One ``.anime`` file."""

    path: Path
    category: str
    frames: int
    frame_bytes: int


def animations(root: Path) -> dict[str, Animation]:
    """Name of the sequence -> its file, sorted by name.

    A damaged file stands as one frame: whoever loads that frame is told what is wrong with the file.
    """
    found: dict[str, Animation] = {}
    for pattern in _PATTERNS:
        for path in sorted(root.glob(pattern)):
            group = path.relative_to(root).parts[0]
            category = _CATEGORIES.get(group.lower(), _CATEGORIES.get(root.name.lower(), "animal"))
            try:
                header = read_header(path)
                animation = Animation(path, category, header.frames, header.frame_bytes)
            except InvalidShape:
                animation = Animation(path, category, 1, file_size(path))
            found.setdefault(path.stem, animation)
    return dict(sorted(found.items()))


def _holds(root: Path) -> bool:
    return any(next(root.glob(pattern), None) is not None for pattern in _PATTERNS)


PLACE = Place("dt4d", ("dt4d", "deformingthings4d"), _holds)


def split_key(text: str) -> tuple[str, int] | None:
    """The frame that a line of a split file names (counted from 0), or None when it is not of the form `SPLIT_FORM`."""
    match = _SPLIT_LINE.fullmatch(text)
    return (match[1], int(match[2])) if match else None


def select(request: Request, lines: list[SplitLine] | None, count: int) -> tuple[tuple[Shape, ...], dict[str, Any]]:
    """The shapes that ``lines`` name, or a seeded choice of ``count``; and how they were chosen."""
    root = PLACE.require(request.data_root)
    found = animations(root)
    provenance: dict[str, Any] = {"dataset": "dt4d", "root": str(root.absolute()), "sequences": len(found)}
    if lines is None:
        animals = {name: one for name, one in found.items() if one.category == "animal"} or found
        keys = [(name, frame) for name, one in animals.items() for frame in range(one.frames)]
        provenance |= described(count, len(keys), request.seed)
        provenance["group"] = "animals" if len(animals) < len(found) else "all sequences"
        keys = seeded_choice(keys, count, request.seed, shape_name)
    else:
        keys = parsed(lines, split_key, SPLIT_FORM)
        missing = [shape_name(key) for key in keys if key[0] not in found or key[1] >= found[key[0]].frames]
        require_all(keys, missing, root, lines[0].path)
        provenance |= {"selection": "split file", "split": str(lines[0].path)}
    return tuple(_shape(key, found[key[0]]) for key in keys), provenance


def shape_name(key: tuple[str, int]) -> str:
    """``bear3EP_Agression/0033``"""
    return f"{key[0]}/{key[1]:04d}"


def _shape(key: tuple[str, int], animation: Animation) -> Shape:
    return Shape(
        name=shape_name(key),
        category=animation.category,
        stamp=file_stamp(animation.path, f"frame {key[1]}"),
        loader=partial(read_frame, animation.path, key[1]),
        size=animation.frame_bytes,
    )


load_dt4d = partial(load_selection, "dt4d", select, PAPER_SIZE)
"""Loader of `mesh_datasets.catalog`: the shapes of the split, else of the seeded choice."""
