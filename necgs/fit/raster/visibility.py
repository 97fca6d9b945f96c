"""Which face each pixel sees: nvdiffrast where it runs, a compiled depth buffer elsewhere. No gradient."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

log = logging.getLogger(__name__)

BACKENDS = ("auto", "numba", "nvdiffrast")


@dataclass(frozen=True)
class Visibility:
    """What finds the visible faces on a device.

    Args:
        backend: ``numba`` (a depth buffer on the CPU) or ``nvdiffrast``.
        reason: why it is not nvdiffrast, on a device that could use it.
    """

    backend: str
    reason: str = ""

    def __str__(self) -> str:
        if self.backend == "nvdiffrast":
            return "nvdiffrast"
        return f"on the CPU, for nvdiffrast cannot be used: {self.reason}" if self.reason else "on the CPU"


def visible_faces(xy: Tensor, z: Tensor, faces: Tensor, resolution: int, backend: str = "auto") -> Tensor:
    """The nearest face under each pixel centre.

    Faces that reach behind the camera (z <= 0) are left out: cameras stay outside the unit cube.

    Args:
        xy: float (B, V, 2), projected vertices in pixels.
        z: float (B, V), depth.
        faces: int64 (F, 3).
        resolution: pixels along each side.
        backend: ``numba`` (any device, by way of the CPU), ``nvdiffrast`` (CUDA), or ``auto``.

    Returns:
        int64 (B, resolution, resolution) on the device of ``xy``, rows along y; -1 where nothing is seen.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend {backend!r} is none of {', '.join(BACKENDS)}")
    xy, z = xy.detach(), z.detach()
    if backend == "auto":
        backend = visibility_on(str(xy.device)).backend
    if backend == "nvdiffrast" and len(faces):
        return _nvdiffrast(xy, z, faces, resolution)
    arrays = (xy.double().cpu().numpy(), z.double().cpu().numpy(), faces.cpu().numpy())
    return torch.from_numpy(depth_buffer(*arrays, resolution)).to(xy.device)


@functools.cache
def visibility_on(device: str) -> Visibility:
    """What finds the visible faces on ``device``: nvdiffrast where it draws a triangle there.

    Trying is the only way to know: built for other cards it imports, and fails at its first triangle.
    """
    if torch.device(device).type != "cuda":
        return Visibility("numba")
    from bench.codec.context import is_out_of_memory

    xy, z = torch.tensor([[[1.0, 1.0], [7.0, 1.0], [1.0, 4.0]]]), torch.tensor([[1.0, 2.0, 3.0]])
    faces = torch.tensor([[0, 1, 2]])
    expected = torch.from_numpy(depth_buffer(xy.numpy(), z.numpy(), faces.numpy(), 8))
    try:
        seen = _nvdiffrast(xy.to(device), z.to(device), faces.to(device), 8)
        found = bool((seen.cpu() != expected).float().mean() < 0.1)
    except Exception as error:  # whatever a missing or misbuilt package does
        if is_out_of_memory(error):
            raise
        lines = str(error).splitlines()
        used = Visibility("numba", lines[0] if lines else type(error).__name__)
    else:
        used = Visibility("nvdiffrast") if found else Visibility("numba", "it draws a test triangle wrongly")
    log.log(logging.WARNING if used.reason else logging.INFO, "visibility on %s: %s", device, used)
    return used


def _nvdiffrast(xy: Tensor, z: Tensor, faces: Tensor, resolution: int) -> Tensor:
    import nvdiffrast.torch as dr

    seen, _ = dr.rasterize(
        _cuda_context(xy.device.index or 0),
        clip_positions(xy, z, resolution).float().contiguous(),
        faces.int().contiguous(),
        resolution=[resolution, resolution],
        grad_db=False,
    )
    ids: Tensor = seen[..., 3].long() - 1
    return ids


@functools.cache
def _cuda_context(index: int) -> Any:
    import nvdiffrast.torch as dr

    return dr.RasterizeCudaContext(device=f"cuda:{index}")


def clip_positions(xy: Tensor, z: Tensor, resolution: int) -> Tensor:
    """Homogeneous clip-space positions (B, V, 4), with w = depth, whose perspective division gives back ``xy``.

    Row 0 is y = -1. The depth range is fitted to the vertices, for the precision of the depth buffer.
    """
    near, far = z.min() * 0.9, z.max() * 1.1
    depth = (far + near) / (far - near) * z - 2 * far * near / (far - near)
    return torch.cat([(xy * (2 / resolution) - 1) * z[..., None], depth[..., None], z[..., None]], dim=-1)


@numba.njit(cache=True)
def depth_buffer(xy: np.ndarray, z: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    """Scan each face over the pixel centres in its box; 1/z is linear on the screen. Ties go to the lower face."""
    ids = np.full((len(xy), size, size), -1, np.int64)
    for view in range(len(xy)):
        nearest = np.zeros((size, size))
        for f in range(len(faces)):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            za, zb, zc = z[view, a], z[view, b], z[view, c]
            if min(za, zb, zc) <= 0:
                continue
            ax, ay = xy[view, a, 0], xy[view, a, 1]
            bx, by = xy[view, b, 0], xy[view, b, 1]
            cx, cy = xy[view, c, 0], xy[view, c, 1]
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            if area == 0:
                continue
            first_row = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
            last_row = min(size - 1, int(np.floor(max(ay, by, cy) - 0.5)))
            first_column = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
            last_column = min(size - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
            for row in range(first_row, last_row + 1):
                y = row + 0.5
                for column in range(first_column, last_column + 1):
                    x = column + 0.5
                    u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                    v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                    w = ((ax - x) * (by - y) - (ay - y) * (bx - x)) / area
                    if u >= 0 and v >= 0 and w >= 0:
                        closeness = u / za + v / zb + w / zc
                        if closeness > nearest[row, column]:
                            nearest[row, column] = closeness
                            ids[view, row, column] = f
    return ids
