"""The mixture of AMA, DT4D and Thingi10K: 200 of each unless another number is asked for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from mesh_datasets import ama, dt4d, thingi10k
from mesh_datasets.errors import DatasetUnavailable, UnknownDataset
from mesh_datasets.shape_set import Shape, ShapeSet
from mesh_datasets.split_file import SplitLine, read_split

if TYPE_CHECKING:
    from mesh_datasets.loading import Request

PAPER_PER_SET = 200

_SETS = {"ama": ama, "dt4d": dt4d, "thingi10k": thingi10k}
_FORMS = " or ".join(repr(module.SPLIT_FORM) for module in _SETS.values())


def load_mixed(request: Request) -> ShapeSet:
    """The three sets after one another: the shapes of a split that may name all three, or a seeded choice of each.

    The choice of a set is part of the choice that the set alone makes with the same seed.

    Raises:
        DatasetUnavailable: one or more of the three were not found; names each.
        InvalidSplit: a line is of none of the three list formats, or names a shape that is not there.
    """
    request.refuse("argument")
    count = PAPER_PER_SET if request.per_set is None else request.per_set
    if count < 1:
        raise UnknownDataset(f"{count} shapes per set leave nothing of data set mixed", "give 1 or more")
    _require_all(request)
    lines = None if request.split is None else _by_set(read_split(request.split))
    shapes: list[Shape] = []
    parts: list[dict[str, Any]] = []
    for name, module in _SETS.items():
        if lines is not None and not lines[name]:
            continue
        chosen, provenance = module.select(request, None if lines is None else lines[name], count)
        shapes += [dataclasses.replace(shape, name=f"{name}/{shape.name}") for shape in chosen]
        parts.append({**provenance, "shapes": len(chosen)})
    provenance = {"dataset": "mixed", "selection": "split file" if lines else f"{count} of each", "parts": parts}
    return ShapeSet(name="mixed", spec=request.spec, shapes=tuple(shapes), provenance=provenance)


def _require_all(request: Request) -> None:
    """Name every set that is missing at once, not one after the other."""
    missing = []
    for module in _SETS.values():
        try:
            module.PLACE.require(request.data_root)
        except DatasetUnavailable as error:
            missing.append(str(error))
    if missing:
        raise DatasetUnavailable("data set mixed needs three sets; " + "; ".join(missing))


def _by_set(lines: list[SplitLine]) -> dict[str, list[SplitLine]]:
    """Deal the lines of a split out to the sets by their form."""
    dealt: dict[str, list[SplitLine]] = {name: [] for name in _SETS}
    for line in lines:
        for name, module in _SETS.items():
            if module.split_key(line.text) is not None:
                dealt[name].append(line)
                break
        else:
            raise line.error(f"is not of the form {_FORMS}")
    return dealt
