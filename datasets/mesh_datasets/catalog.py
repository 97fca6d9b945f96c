"""Which data sets there are: where each comes from, its licence, how its files must lie, and whether it was found."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

ENTRY_POINT_GROUP = "necgs_bench.datasets"
"""Other packages add data sets here: ``name = "module:function"`` with ``function(Request) -> ShapeSet``."""


@dataclass(frozen=True)
class DatasetInfo:
    """A data set, for people. Reading it imports nothing heavy.

    Args:
        name: on the command line.
        title: in tables.
        content: one line on what it holds.
        origin: where it comes from and how to get it.
        licence: the terms under which its meshes may be used.
        layout: the files that are looked for; empty when nothing must be found.
        environment: the variable that names its folder; empty when there is none.
        loader: ``module:function`` that takes a `mesh_datasets.Request` and returns a `mesh_datasets.ShapeSet`.
        found: whether the files are there (always, for sets that need none).
        paths: where they were found.
    """

    name: str
    title: str
    content: str
    origin: str
    licence: str
    layout: str
    environment: str
    loader: str
    found: bool = False
    paths: tuple[Path, ...] = ()


_ENTRIES = (
    DatasetInfo(
        name="sample",
        title="Sample",
        content="48 meshes: 16 humans, 16 animals, 16 objects; sample:humans, :animals, :objects take a part",
        origin="embedded in this package",
        licence="CC0-1.0, Apache-2.0, MIT, BSD and zlib; see NOTICE",
        layout="",
        environment="",
        loader="mesh_datasets.sample:load_sample",
        found=True,
    ),
    DatasetInfo(
        name="ama",
        title="AMA",
        content="Articulated Mesh Animation: ten sequences of people in motion; the paper takes 500 frames",
        origin="Vlasic et al. 2008: https://people.csail.mit.edu/drdaniel/mesh_animation/",
        licence="research data, no licence stated; cite the paper, do not redistribute",
        layout="<sequence>/meshes/mesh_0000.obj or <sequence>/mesh_0000.obj; sequences such as crane or I_crane",
        environment="AMA_ROOT",
        loader="mesh_datasets.ama:load_ama",
    ),
    DatasetInfo(
        name="dt4d",
        title="DT4D",
        content="DeformingThings4D: 1,972 animations of animals and humanoids; the paper takes 500 animal frames",
        origin="Li et al. 2021: ask for access with the form at https://github.com/rabbityl/DeformingThings4D",
        licence="DeformingThings4D Terms of Use: non-commercial research, no redistribution",
        layout="{animals,humanoids}/<id>/<id>.anime",
        environment="DT4D_ROOT",
        loader="mesh_datasets.dt4d:load_dt4d",
    ),
    DatasetInfo(
        name="thingi10k",
        title="Thingi10K",
        content="10,000 models for 3D printing; the paper takes 1,000",
        origin="Zhou and Jacobson 2016: https://huggingface.co/datasets/Thingi10K/Thingi10K, or the package thingi10k",
        licence="per model: Creative Commons, GPL, LGPL, BSD, public domain; see the set's metadata",
        layout="raw_meshes/<id>.stl|obj|..., flat <id>.obj, npz/<id>.npz, or the cache of the package thingi10k",
        environment="THINGI10K_ROOT",
        loader="mesh_datasets.thingi10k:load_thingi10k",
    ),
    DatasetInfo(
        name="mixed",
        title="Mixed",
        content="200 shapes each of AMA, DT4D and Thingi10K, or as many as per_set says",
        origin="the three sets",
        licence="those of the three sets",
        layout="the three sets under one data root: ama/, dt4d/, thingi10k/, or each at its own variable",
        environment="NECGS_BENCH_DATA",
        loader="mesh_datasets.mixed:load_mixed",
    ),
    DatasetInfo(
        name="folder",
        title="Folder",
        content="folder:PATH takes every mesh file below PATH: OBJ, PLY, STL, OFF, glTF, 3MF, Draco",
        origin="your files",
        licence="yours",
        layout="",
        environment="",
        loader="mesh_datasets.folder:load_folder",
        found=True,
    ),
    DatasetInfo(
        name="procedural",
        title="Procedural",
        content="procedural:N makes N watertight mechanical parts from the seed",
        origin="made by this package with manifold3d",
        licence="MIT",
        layout="",
        environment="",
        loader="mesh_datasets.procedural:load_procedural",
        found=True,
    ),
    DatasetInfo(
        name="poses",
        title="Poses",
        content="poses:N makes N poses of one body from the seed, all with the same faces",
        origin="made by this package from a body of the sample",
        licence="CC0-1.0, as the humans of the sample; see NOTICE",
        layout="",
        environment="",
        loader="mesh_datasets.poses:load_poses",
        found=True,
    ),
)

DATASETS = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""The built-in data sets by name."""


def catalog(data_root: Path | str | None = None) -> list[DatasetInfo]:
    """Describe every built-in data set and say whether it was found.

    Args:
        data_root: where to look; without it the environment variables say so.
    """
    root = None if data_root is None else Path(data_root).expanduser()
    return [entry if entry.found else _searched(entry, root) for entry in _ENTRIES]


def _searched(entry: DatasetInfo, data_root: Path | None) -> DatasetInfo:
    if entry.name == "mixed":
        parts = [_searched(DATASETS[name], data_root) for name in ("ama", "dt4d", "thingi10k")]
        paths = tuple(path for part in parts for path in part.paths)
        return dataclasses.replace(entry, found=all(part.found for part in parts), paths=paths)
    place = importlib.import_module(entry.loader.partition(":")[0]).PLACE.find(data_root)
    return dataclasses.replace(entry, found=place is not None, paths=() if place is None else (place,))
