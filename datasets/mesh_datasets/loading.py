"""`load`: from the name of a data set to its shapes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codec.did_you_mean import known_names
from mesh_datasets.catalog import DATASETS, ENTRY_POINT_GROUP
from mesh_datasets.errors import UnknownDataset

if TYPE_CHECKING:
    from mesh_datasets.shape_set import ShapeSet

    Loader = Callable[["Request"], ShapeSet]


@dataclass(frozen=True)
class Request:
    """What a loader is asked for.

    Args:
        spec: as the user wrote it.
        argument: what stands behind the colon of the spec; empty when there is none.
        data_root: where to look instead of the environment variables.
        split: a file that lists the shapes.
        seed: of the choice that is made when there is no split.
        per_set: shapes of each set in a mixture.
    """

    spec: str
    argument: str = ""
    data_root: Path | None = None
    split: Path | None = None
    seed: int = 0
    per_set: int | None = None

    def refuse(self, *options: str) -> None:
        """Raise `UnknownDataset` when one of the named options was given to a data set that does not take it."""
        for option in options:
            if getattr(self, option) not in (None, ""):
                raise UnknownDataset(f"data set {self.spec} takes no {option.replace('_', ' ')}", "leave it out")

    def count(self, most: int, what: str) -> int:
        """The argument as a number of ``what``, in sets that are made. Raises `UnknownDataset` beyond 1..``most``."""
        digits = self.argument
        if not digits.isdecimal() or not 1 <= int(digits[: len(str(most)) + 1]) <= most:
            name = self.spec.partition(":")[0]
            message = f"{self.spec!r:.60} does not say how many {what}, 1 to {most}"
            raise UnknownDataset(message, f"write {name:.20}:100, say")
        return int(digits)


def load(
    spec: str,
    *,
    data_root: Path | str | None = None,
    split: Path | str | None = None,
    limit: int | None = None,
    seed: int = 0,
    per_set: int | None = None,
) -> ShapeSet:
    """Find a data set and list its shapes; no mesh is read.

    Args:
        spec: ``sample``, ``sample:humans``, ``ama``, ``dt4d``, ``thingi10k``, ``mixed``, ``folder:PATH``,
            ``procedural:N``, ``poses:N`` or a name that an installed package adds (`mesh_datasets.catalog`).
        data_root: folder that holds the data; without it the environment variables say where to look.
        split: file that lists the shapes to take; without it a seeded choice of the paper's size is made.
        limit: at most so many shapes, evenly spaced over the set.
        seed: of the choice, and of procedural parts and poses.
        per_set: shapes from each of the three sets of ``mixed``.

    Raises:
        UnknownDataset: no such data set, or an argument that it does not take.
        DatasetUnavailable: the data were not found; the message says where they were looked for.
        InvalidSplit: the split file is wrong.
    """
    name, _, argument = spec.partition(":")
    request = Request(
        spec=spec,
        argument=argument,
        data_root=None if data_root is None else Path(data_root).expanduser(),
        split=None if split is None else Path(split).expanduser(),
        seed=seed,
        per_set=per_set,
    )
    shapes = _loader(name.lower())(request)
    return shapes if limit is None else shapes.take(limit)


def _loader(name: str) -> Loader:
    """The loader of a built-in data set, or of one that an installed package provides."""
    if name in DATASETS:
        module, _, function = DATASETS[name].loader.partition(":")
        built_in: Loader = getattr(importlib.import_module(module), function)
        return built_in
    from importlib.metadata import entry_points

    added = {point.name.lower(): point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name in added:
        loader: Loader = added[name].load()
        return loader
    known = known_names(name, [*DATASETS, *sorted(added)])
    raise UnknownDataset(f"no data set is named {name!r}", f"{known}; for files of your own use folder:PATH")
