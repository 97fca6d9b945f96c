"""A triangle mesh as a surface to measure against: closest points with normals, even samples."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

_MOST_SAMPLES = 500_000


class Surface:
    """Closest points on a triangle mesh.

    Args:
        vertices: float (n, 3).
        faces: int (m, 3).
        threads: CPU threads of each query.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, threads: int = 1) -> None:
        self._threads = threads
        self.vertices: np.ndarray = np.ascontiguousarray(vertices, np.float32)
        """float32 (n, 3)."""
        self.faces: np.ndarray = np.ascontiguousarray(faces, np.int64)
        """int64 (m, 3)."""
        triangles = np.asarray(vertices, np.float64)[faces]
        cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        length = np.linalg.norm(cross, axis=1)
        self._triangles = triangles
        self._area = length / 2
        self.normals: np.ndarray = (cross / np.maximum(length, 1e-30)[:, None]).astype(np.float32)
        """Unit normals float32 (m, 3); zero for a face without area."""

    @functools.cached_property
    def _scene(self) -> Any:
        """The tree of bounding boxes, made when it is first asked."""
        import open3d as o3d

        scene = o3d.t.geometry.RaycastingScene(nthreads=self._threads)
        scene.add_triangles(_tensor(self.vertices), _tensor(self.faces.astype(np.uint32)))
        return scene

    @property
    def area(self) -> float:
        """Total area."""
        return float(self._area.sum())

    def closest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Closest points float32 (n, 3), their faces int64 (n,) and weights of the face's corners float32 (n, 3)."""
        found = self._scene.compute_closest_points(
            _tensor(np.ascontiguousarray(points, np.float32)), nthreads=self._threads
        )
        uv = found["primitive_uvs"].numpy()
        weights = np.stack([1 - uv.sum(1), uv[:, 0], uv[:, 1]], axis=1)
        return found["points"].numpy(), found["primitive_ids"].numpy().astype(np.int64), weights

    def first_hit(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Distance float32 (n,) along each ray to the mesh, in lengths of its direction (n, 3); infinite for none."""
        rays = np.concatenate([origins, directions], axis=1).astype(np.float32)
        distance: np.ndarray = self._scene.cast_rays(_tensor(rays), nthreads=self._threads)["t_hit"].numpy()
        return distance

    def sample(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Points float32 (count, 3), spread evenly over the area, and their faces int64 (count,)."""
        generator = np.random.default_rng(seed)
        steps = (np.arange(count) + generator.random(count)) / count * self._area.sum()
        face = np.searchsorted(np.cumsum(self._area), steps).clip(max=len(self._area) - 1)
        uv = generator.random((count, 2))
        uv = np.where(uv.sum(1, keepdims=True) > 1, 1 - uv, uv)
        corner = self._triangles[face]
        points = corner[:, 0] + (uv[:, :, None] * (corner[:, 1:] - corner[:, :1])).sum(1)
        return points.astype(np.float32), face


def _tensor(array: np.ndarray) -> Any:
    import open3d as o3d

    return o3d.core.Tensor.from_numpy(array)


def sample_count(surface: Surface, per_cell: float, h: float) -> int:
    """How many samples make ``per_cell`` in each h^2 of the surface; at least one, at most half a million."""
    return int(min(max(1.0, np.ceil(per_cell * surface.area / h**2)), _MOST_SAMPLES))
