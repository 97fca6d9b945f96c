"""The one normalisation of the project: centred, longest side of the bounding box scaled to [-1, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mesh_datasets.errors import InvalidShape

if TYPE_CHECKING:
    from trimesh import Trimesh


@dataclass(frozen=True)
class Normalization:
    """``normalised = (source - center) * scale``; kept beside the mesh so that it can be undone.

    Args:
        center: centre of the bounding box in source coordinates.
        scale: 2 / longest side, in 1 / source units; positive and finite.
    """

    center: tuple[float, float, float]
    scale: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.center).all() and np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"a normalisation needs finite numbers and a positive scale, not {self}")

    @classmethod
    def of(cls, mesh: Trimesh, name: str = "mesh") -> Normalization:
        """The normalisation of ``mesh``, from the vertices that its faces use.

        Raises:
            InvalidShape: the mesh has no extent, or an extent that float64 cannot hold.
        """
        used = np.asarray(mesh.vertices, dtype=np.float64)[np.unique(mesh.faces)]
        if not len(used):
            raise InvalidShape(f"{name}: no faces, so nothing to normalise")
        low, high = used.min(axis=0), used.max(axis=0)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            center = low + (high - low) / 2
            scale = float(2.0 / (high - low).max())
        try:
            return cls(center=(float(center[0]), float(center[1]), float(center[2])), scale=scale)
        except ValueError:
            raise InvalidShape(f"{name}: a bounding box from {low} to {high} cannot be scaled to [-1, 1]") from None

    def apply(self, mesh: Trimesh) -> Trimesh:
        """A copy of ``mesh`` (geometry only) in normalised coordinates, float64; rounding never leaves [-1, 1]."""
        vertices = (np.asarray(mesh.vertices, dtype=np.float64) - self.center) * self.scale
        used = np.unique(mesh.faces)
        vertices[used] = vertices[used].clip(-1.0, 1.0)
        return _rebuilt(mesh, vertices)

    def invert(self, mesh: Trimesh) -> Trimesh:
        """A copy of the normalised ``mesh`` (geometry only) in source coordinates, float64."""
        return _rebuilt(mesh, np.asarray(mesh.vertices, dtype=np.float64) / self.scale + self.center)


def normalize(mesh: Trimesh, name: str = "mesh") -> tuple[Trimesh, Normalization]:
    """Normalise ``mesh``; returns the normalised copy and the record that undoes it.

    Raises:
        InvalidShape: the mesh has no extent.
    """
    record = Normalization.of(mesh, name)
    return record.apply(mesh), record


def _rebuilt(mesh: Trimesh, vertices: np.ndarray) -> Trimesh:
    import trimesh

    return trimesh.Trimesh(vertices, np.array(mesh.faces), process=False)
