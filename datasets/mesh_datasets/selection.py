"""Loading a data set of the paper: the shapes that a split file names, or a seeded choice of the paper's size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mesh_datasets.shape_set import Shape, ShapeSet
from mesh_datasets.split_file import SplitLine, read_split

if TYPE_CHECKING:
    from mesh_datasets.loading import Request

    Select = Callable[[Request, list[SplitLine] | None, int], tuple[tuple[Shape, ...], dict[str, Any]]]


def load_selection(name: str, select: Select, count: int, request: Request) -> ShapeSet:
    """The shapes of the split, in its order, or a seeded choice of ``count``, sorted.

    Args:
        name: of the data set.
        select: (request, lines of the split or None, count) -> shapes, and how they were chosen.
        count: how many the paper takes.
        request: what was asked for.

    Raises:
        DatasetUnavailable: not found.
        InvalidSplit: a line is wrong, or names a shape that is not there.
    """
    request.refuse("argument", "per_set")
    lines = None if request.split is None else read_split(request.split)
    shapes, provenance = select(request, lines, count)
    return ShapeSet(name=name, spec=request.spec, shapes=shapes, provenance=provenance)
