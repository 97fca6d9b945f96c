"""A stand-in for nvdiffrast that refuses what the real one (v0.4.0, ``torch_rasterize.cpp``) refuses.

It sees what the project's depth buffer sees, from the clip-space positions that it is given.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import torch
from torch import Tensor

from necgs.fit.raster.visibility import depth_buffer


class RasterizeCudaContext:
    """Made for one device, as the real one."""

    def __init__(self, device: Any = None) -> None:
        assert torch.device(device).type == "cuda", "a CUDA context needs a CUDA device"
        self.device = torch.device(device)


def rasterize(
    context: RasterizeCudaContext,
    pos: Tensor,
    tri: Tensor,
    resolution: list[int],
    ranges: Any = None,
    grad_db: bool = True,
) -> tuple[Tensor, Tensor]:
    """``(u, v, z/w, face + 1)`` (B, H, W, 4), row 0 at y = -1, and an empty tensor of derivatives."""
    assert isinstance(context, RasterizeCudaContext)
    assert ranges is None, "instanced mode has no ranges"
    for name, tensor, dtype in (("pos", pos, torch.float32), ("tri", tri, torch.int32)):
        assert tensor.is_cuda, f"{name} must reside on the GPU"
        assert tensor.device.index == context.device.index, f"{name} must be on the context's device"
        assert tensor.is_contiguous(), f"{name} must be a contiguous tensor"
        assert tensor.dtype == dtype, f"{name} must be {dtype}"
    assert (pos.dim(), pos.shape[2], min(pos.shape) > 0) == (3, 4, True), "pos must have shape [>0, >0, 4]"
    assert (tri.dim(), tri.shape[1], len(tri) > 0) == (2, 3, True), "tri must have shape [>0, 3]"
    height, width = resolution
    assert 0 < height == width <= 2048
    clip, faces = pos.detach().cpu().double(), tri.cpu().long()
    w = clip[..., 3]
    assert bool((clip[..., 2].abs() <= w.abs() * (1 + 1e-5)).all()), "vertices lie outside the depth range"
    xy = (clip[..., :2] / w[..., None] + 1) * (width / 2)
    ids = torch.from_numpy(depth_buffer(xy.numpy(), w.numpy(), faces.numpy(), width))
    seen = torch.zeros((len(pos), height, width, 4))
    seen[..., 3] = (ids + 1).float()
    return seen.to(pos.device), torch.empty(0).to(pos.device)


def install(monkeypatch: Any) -> None:
    """Make ``import nvdiffrast.torch`` give this stand-in."""
    package, module = types.ModuleType("nvdiffrast"), types.ModuleType("nvdiffrast.torch")
    package.torch = module  # type: ignore[attr-defined]
    package.__version__ = "0.4.0"  # type: ignore[attr-defined]
    module.RasterizeCudaContext, module.rasterize = RasterizeCudaContext, rasterize  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nvdiffrast", package)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", module)
