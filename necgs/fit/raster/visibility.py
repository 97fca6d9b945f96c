"""Which face each pixel sees: nvdiffrast where it runs, a compiled depth buffer elsewhere. No gradient."""

from __future__ import annotations

import functools
import importlib
import logging
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

log = logging.getLogger(__name__)

BACKENDS = ("auto", "numba", "nvdiffrast")


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
        backend = _backend_for(xy.device.type)
    if backend == "nvdiffrast":
        return _nvdiffrast(xy, z, faces, resolution)
    arrays = (xy.double().cpu().numpy(), z.double().cpu().numpy(), faces.cpu().numpy())
    return torch.from_numpy(_depth_buffer(*arrays, resolution)).to(xy.device)


@functools.cache
def _backend_for(device_type: str) -> str:
    backend = "numba"
    if device_type == "cuda":
        try:
            importlib.import_module("nvdiffrast.torch")
        except (ImportError, RuntimeError, AssertionError) as error:  # not installed, or not for this torch or driver
            log.warning("nvdiffrast cannot be used (%s): visibility is computed on the CPU", error)
        else:
            backend = "nvdiffrast"
    log.info("visibility on %s: %s", device_type, backend)
    return backend


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
def _depth_buffer(xy: np.ndarray, z: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
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
