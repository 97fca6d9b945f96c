"""The reference meshes of a run: loaded, checked and normalised once, then kept in the cache by content.

Every process of a run reads its meshes from here, so that all codecs see the same numbers whatever the source format,
and a worker needs neither the data set's loader nor its files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec.atomic_write import replacing, write_atomically
from bench.codec.errors import DamagedReference
from bench.codec.stored_arrays import read_arrays

if TYPE_CHECKING:
    from mesh_datasets.shape_set import Shape, ShapeSet
    from trimesh import Trimesh

READ_ONLY = 0o444
"""Mode of the references in the cache: codecs read them, nobody writes them."""


@dataclass(frozen=True)
class Reference:
    """A normalised mesh in the cache, with the scale that leads back to its source."""

    name: str
    category: str
    source_bytes: int
    sha256: str
    path: str
    center: tuple[float, float, float]
    scale: float

    def mesh(self) -> Trimesh:
        """Read the mesh: float64 vertices in [-1, 1]^3, int64 faces, as in the source file (nothing merged)."""
        return read_reference(Path(self.path))


class ReferenceMeshes(Sequence["Trimesh"]):
    """A sequence of meshes that are read when they are asked for, so that a large set need not fit into memory.

    Each is compared with its hash: a codec must not code what an earlier one has left in its place.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return ReferenceMeshes(self._paths[index])
        return read_reference(Path(self._paths[index]))


@dataclass(frozen=True)
class Prepared:
    """The references of a run, the shapes that they were made of, and those that were left out as (name, reason)."""

    references: tuple[Reference, ...]
    skipped: tuple[tuple[str, str], ...]
    sources: tuple[Shape, ...] = ()

    @property
    def digest(self) -> str:
        """Hash of the shapes' content, in order."""
        text = "\n".join(f"{ref.name} {ref.source_bytes} {ref.sha256}" for ref in self.references)
        return hashlib.sha256(text.encode()).hexdigest()


def prepare(
    shapes: ShapeSet, cache: Path, *, skip_invalid: bool = False, progress: Callable[[int, int], None] | None = None
) -> Prepared:
    """Load, check and normalise every shape, or find it in the cache by the stamp of its source.

    Args:
        progress: called after each shape with how many are done, and how many there are.

    Raises:
        mesh_datasets.errors.InvalidShape: naming the file, unless ``skip_invalid``.
    """
    from mesh_datasets.errors import InvalidShape

    references, skipped, sources = [], [], []
    for index, shape in enumerate(shapes):
        try:
            references.append(_from_cache(shape, cache) or _into_cache(shape, cache))
            sources.append(shape)
        except InvalidShape as error:
            if not skip_invalid:
                raise
            skipped.append((shape.name, str(error)))
        if progress:
            progress(index + 1, len(shapes))
    return Prepared(tuple(references), tuple(skipped), tuple(sources))


def restore(references: Sequence[Reference], sources: Sequence[Shape], cache: Path) -> None:
    """Make references anew that were altered since `prepare` made them. One whose source is gone stays as it is."""
    from mesh_datasets.errors import DatasetError

    for reference, shape in zip(references, sources, strict=False):
        if is_damaged(reference.path):
            with suppress(DatasetError, OSError):
                _into_cache(shape, cache)


def read_mesh(path: Path) -> Trimesh:
    """Read an npz with ``vertices`` (n, 3) and ``faces`` (m, 3), and ``points`` where a codec decoded some."""
    import trimesh

    stored = read_arrays(path)
    mesh = trimesh.Trimesh(stored["vertices"], stored["faces"], process=False)
    if "points" in stored:
        mesh.metadata["points"] = stored["points"]
        mesh.metadata["point_bits"] = int(stored["point_bits"])
    return mesh


def read_reference(path: Path) -> Trimesh:
    """`read_mesh` of a file that is named by its mesh's fingerprint, compared with it.

    Raises:
        DamagedReference: cut, altered, or written over by somebody else.
    """
    from mesh_datasets.fingerprint import mesh_fingerprint

    try:
        mesh = read_mesh(path)
    except OSError:
        raise
    except Exception as error:  # see `read_arrays`
        raise DamagedReference(f"{path} is damaged: {error}", "the next run makes it anew") from None
    if re.fullmatch("[0-9a-f]{64}", path.stem) and mesh_fingerprint(mesh) != path.stem:
        raise DamagedReference(f"{path} no longer holds the mesh that it was made for", "the next run makes it anew")
    return mesh


def is_damaged(path: str) -> bool:
    """Whether `read_reference` refuses a file."""
    try:
        read_reference(Path(path))
    except (OSError, DamagedReference):
        return True
    return False


def write_mesh(path: Path, mesh: Trimesh) -> None:
    """Write a mesh so that `read_mesh` finds all of it or nothing."""
    import numpy as np

    faces = np.asarray(mesh.faces)
    if faces.min(initial=0) >= 0 and faces.max(initial=0) < 1 << 31:  # half the bytes; reading makes int64 of them
        faces = faces.astype(np.int32)
    arrays = {"vertices": np.asarray(mesh.vertices), "faces": faces}
    if "points" in mesh.metadata:
        arrays["points"] = np.asarray(mesh.metadata["points"])
        arrays["point_bits"] = np.asarray(mesh.metadata["point_bits"])
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _mesh_path(cache: Path, sha256: str) -> Path:
    return cache / "meshes" / f"{sha256}.npz"


def _stamp_path(shape: Shape, cache: Path) -> Path:
    digest = hashlib.sha256(f"{shape.stamp}\n{shape.name}".encode()).hexdigest()
    return cache / "stamps" / f"{digest[:32]}.json"


def _from_cache(shape: Shape, cache: Path) -> Reference | None:
    try:
        found = json.loads(_stamp_path(shape, cache).read_text())
        reference = Reference(**{**found, "center": tuple(found["center"])})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    same = (reference.name, reference.source_bytes) == (shape.name, shape.source_bytes)
    if not same or reference.path != str(_mesh_path(cache, reference.sha256)):
        return None
    try:
        read_reference(Path(reference.path))
    except (OSError, DamagedReference):
        Path(reference.path).unlink(missing_ok=True)  # made anew from its source
        return None
    return reference


def _into_cache(shape: Shape, cache: Path) -> Reference:
    from mesh_datasets.fingerprint import mesh_fingerprint
    from mesh_datasets.normalization import normalize

    mesh, normalization = normalize(shape.load(), shape.name)
    sha256 = mesh_fingerprint(mesh)
    path = _mesh_path(cache, sha256)
    write_mesh(path, mesh)
    if os.name == "posix":
        path.chmod(READ_ONLY)
    x, y, z = (float(c) for c in normalization.center)
    reference = Reference(
        name=shape.name,
        category=shape.category,
        source_bytes=shape.source_bytes,
        sha256=sha256,
        path=str(path),
        center=(x, y, z),
        scale=float(normalization.scale),
    )
    write_atomically(_stamp_path(shape, cache), json.dumps(vars(reference)), durable=False)
    return reference
