"""``folder:PATH``: every mesh file below a folder, in any format that `mesh_datasets.mesh_files` reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_datasets.errors import DatasetUnavailable, UnknownDataset
from mesh_datasets.file_shape import file_size, file_stamp, load_mesh_file
from mesh_datasets.mesh_files.names import MESH_SUFFIXES, is_mesh_file, printable
from mesh_datasets.shape_set import Shape, ShapeSet

if TYPE_CHECKING:
    from mesh_datasets.loading import Request


def load_folder(request: Request) -> ShapeSet:
    """List the mesh files below ``request.argument``, sorted by path.

    A shape is named by its path below the folder; its category is the first folder of that path.

    Raises:
        UnknownDataset: no path is given.
        DatasetUnavailable: the folder does not exist or holds no mesh file.
    """
    request.refuse("split", "per_set")
    if not request.argument:
        raise UnknownDataset("folder needs a path", "write folder:PATH")
    root = Path(request.argument).expanduser()
    if root.is_file():
        files = [root]
        root = root.parent
    elif root.is_dir():
        files = sorted(_mesh_files(root))
    else:
        raise DatasetUnavailable(f"folder:{request.argument}: there is no such folder", f"looked at {root.absolute()}")
    if not files:
        kinds = " ".join(sorted(MESH_SUFFIXES))
        raise DatasetUnavailable(f"folder:{request.argument}: no mesh file below {root.absolute()}", f"kinds: {kinds}")
    title = f"folder:{printable(Path(root.resolve().name))}"
    shapes = tuple(_shape(path, root) for path in files)
    provenance = {
        "dataset": "folder",
        "root": printable(root.absolute()),
        "selection": "all files",
        "available": len(shapes),
    }
    return ShapeSet(name=title, spec=request.spec, shapes=shapes, provenance=provenance)


def _mesh_files(root: Path) -> Iterator[Path]:
    """The mesh files below ``root``, hidden ones left out; links are followed, each folder is entered once.

    Raises:
        DatasetUnavailable: a folder cannot be listed.
    """
    entered: set[str] = set()
    for folder, inside, files in os.walk(root, followlinks=True, onerror=_refuse):
        real = os.path.realpath(folder)
        if real in entered:
            inside.clear()
            continue
        entered.add(real)
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        for name in files:
            if is_mesh_file(name):
                yield Path(folder, name)


def _refuse(error: OSError) -> None:
    raise DatasetUnavailable(f"folder {error.filename} cannot be listed: {error.strerror}") from None


def _shape(path: Path, root: Path) -> Shape:
    below = Path(printable(path.relative_to(root)))
    return Shape(
        name=below.as_posix(),
        category=below.parts[0] if len(below.parts) > 1 else "folder",
        stamp=file_stamp(path),
        loader=partial(load_mesh_file, path),
        size=file_size(path),
    )
