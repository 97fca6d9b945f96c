"""Thingi10K (Zhou and Jacobson 2016): models for 3D printing, one file per id.

Layouts, the first that is found: ``raw_meshes/<id>.stl|obj|ply|off`` (as published), ``<id>.obj`` directly below the
root, ``npz/<id>.npz`` with arrays ``vertices`` (v, 3) and ``facets`` (f, 3). The folders that the package ``thingi10k``
unpacks into its cache have the same contents; its default cache is looked at when no data root is given.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_datasets.choice import described, seeded_choice
from mesh_datasets.data_roots import Place
from mesh_datasets.errors import InvalidShape
from mesh_datasets.file_shape import file_size, file_stamp, load_mesh_file
from mesh_datasets.selection import load_selection
from mesh_datasets.shape_set import Shape
from mesh_datasets.split_file import SplitLine, parsed, require_all

if TYPE_CHECKING:
    from trimesh import Trimesh

    from mesh_datasets.loading import Request

PAPER_SIZE = 1000
SPLIT_FORM = "100032.obj"

_LAYOUTS = (
    "raw_meshes",
    "Thingi10K/raw_meshes",
    "thingi10k_raw_extracted/Thingi10K/raw_meshes",
    ".",
    "npz",
    "thingi10k_npz_extracted/npz",
)
_MODEL = re.compile(r"(\d+)\.(stl|obj|ply|off|npz)", re.IGNORECASE)
_SPLIT_LINE = re.compile(r"(\d+)(?:\.\w+)?")


def _folder(root: Path) -> Path | None:
    """The folder of the first layout that holds a model."""
    for layout in _LAYOUTS:
        folder = root / layout
        if folder.is_dir():
            with os.scandir(folder) as entries:
                if any(_MODEL.fullmatch(entry.name) for entry in entries):
                    return folder
    return None


def _package_cache() -> list[Path]:
    """Where the package ``thingi10k`` unpacks the data unless it is told otherwise: the cache of Hugging Face."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    return [Path(os.environ.get("HF_DATASETS_CACHE", home / "datasets")).expanduser()]


PLACE = Place("thingi10k", ("thingi10k",), lambda root: _folder(root) is not None, _package_cache)


def models(root: Path) -> dict[int, Path]:
    """Id -> file, sorted by id. Where one id has several files, the first by name counts."""
    folder = _folder(root)
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder else []:
        match = _MODEL.fullmatch(path.name)
        if match and not path.is_dir():
            found.setdefault(int(match[1]), path)
    return dict(sorted(found.items()))


def read_model(path: Path) -> Trimesh:
    """Read a model file, or the arrays ``vertices`` and ``facets`` of an npz file.

    Raises:
        InvalidShape: unreadable, empty, not finite, indices out of range; arrays missing.
    """
    if path.suffix.lower() != ".npz":
        return load_mesh_file(path)

    import numpy as np

    from mesh_datasets.mesh_files.surface import checked

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            vertices, facets = arrays["vertices"], arrays["facets"]
    except Exception as error:  # of numpy, zipfile, and of Python's tokenizer, which reads the headers of arrays
        raise InvalidShape(f"{path}: cannot be read as npz with vertices and facets: {error}") from None
    return checked(vertices, facets, str(path))


def split_key(text: str) -> int | None:
    """The id that a line of a split file names, or None when it is not of the form ``100032.obj``."""
    match = _SPLIT_LINE.fullmatch(text)
    return int(match[1]) if match else None


def select(request: Request, lines: list[SplitLine] | None, count: int) -> tuple[tuple[Shape, ...], dict[str, Any]]:
    """The shapes that ``lines`` name, or a seeded choice of ``count``; and how they were chosen."""
    root = PLACE.require(request.data_root)
    found = models(root)
    provenance: dict[str, Any] = {"dataset": "thingi10k", "root": str(root.absolute())}
    if lines is None:
        keys = seeded_choice(list(found), count, request.seed)
        provenance |= described(count, len(found), request.seed)
    else:
        keys = parsed(lines, split_key, SPLIT_FORM)
        require_all(keys, [str(key) for key in keys if key not in found], root, lines[0].path)
        provenance |= {"selection": "split file", "split": str(lines[0].path), "available": len(found)}
    return tuple(_shape(key, found[key]) for key in keys), provenance


def _shape(key: int, path: Path) -> Shape:
    return Shape(
        name=str(key),
        category="object",
        stamp=file_stamp(path),
        loader=partial(read_model, path),
        size=file_size(path),
    )


load_thingi10k = partial(load_selection, "thingi10k", select, PAPER_SIZE)
"""Loader of `mesh_datasets.catalog`: the shapes of the split, else of the seeded choice."""
