"""Open3D's ray casting of one mesh: distances and visible surfaces, on the CPU, without a display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int32]


class Surface:
    """A mesh that rays can hit: ``vertices`` float32 (v, 3), ``faces`` int32 (f, 3), f > 0."""

    def __init__(self, vertices: Floats, faces: Integers) -> None:
        o3d = _open3d()
        self._scene = o3d.t.geometry.RaycastingScene()
        self._scene.add_triangles(o3d.core.Tensor(vertices), o3d.core.Tensor(faces.astype(np.uint32)))

    def distance(self, points: Floats) -> Floats:
        """Distance of each of ``points`` (n, 3) to the surface: (n,)."""
        tensor = _open3d().core.Tensor(np.ascontiguousarray(points, np.float32))
        found: Floats = self._scene.compute_distance(tensor).numpy()
        return found

    def look(
        self, eye: tuple[float, float, float], degrees: float, pixels: int
    ) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """What a pinhole camera at ``eye`` sees that looks at the origin, y up.

        Returns:
            which pixels see the surface: bool (pixels, pixels); and for those n, in order, the points that they see:
            (n, 3), and the cosine between the face normal and the ray: (n,), in [0, 1].
        """
        rays = self._scene.create_rays_pinhole(
            fov_deg=degrees, center=[0, 0, 0], eye=list(eye), up=[0, 1, 0], width_px=pixels, height_px=pixels
        )
        # Open3D's first pixel is the lower right one.
        rays = np.ascontiguousarray(rays.numpy()[::-1, ::-1])
        hit = self._scene.cast_rays(_open3d().core.Tensor(rays))
        depth = hit["t_hit"].numpy()
        seen = np.isfinite(depth)
        directions = rays[seen][:, 3:]
        points = rays[seen][:, :3] + depth[seen][:, None] * directions
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        cosine = np.abs((hit["primitive_normals"].numpy()[seen] * directions).sum(axis=1))
        return seen, points, cosine


def field_of_view(eye: tuple[float, float, float], points: Floats) -> float:
    """Degrees that a camera at ``eye``, looking at the origin, y up, needs to see all ``points`` (n, 3)."""
    place = np.asarray(eye)
    ahead = -place / np.linalg.norm(place)
    right = np.cross(ahead, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    rays = points - place
    depth = rays @ ahead
    across = np.abs(np.stack([rays @ right, rays @ np.cross(right, ahead)]))
    return float(2 * np.degrees(np.arctan((across / depth).max())))


def _open3d() -> Any:
    import open3d

    return open3d
