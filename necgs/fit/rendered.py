"""Fit a TSDF-Def volume to a mesh by comparing renderings: the published objective of NeCGS, stage 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.codec.arithmetic import deterministic
from necgs.fit.narrow_band import NarrowBand
from necgs.fit.raster import Cameras, Edges, depth_of, edges_of, project, random_cameras, silhouette_of, visible_faces
from necgs.quantize import Quantizer
from necgs.volume.topology import topology
from necgs.volume.tsdf_def import TsdfDef


@dataclass(frozen=True)
class RenderedFit:
    """Settings of the rendered fit; the defaults are the paper's.

    Args:
        iterations: steps of Adam.
        views: random cameras per step.
        size: pixels along each side of a view.
        learning_rate: at the start.
        decay: the learning rate is multiplied by 10^(-decay * iteration).
        regularisation: of the mean |deformation| over the whole grid.
        depth_weight: of the depth error inside the mesh's silhouette.
    """

    iterations: int = 500
    views: int = 4
    size: int = 2048
    learning_rate: float = 0.01
    decay: float = 0.004
    regularisation: float = 10.0
    depth_weight: float = 10.0

    def __post_init__(self) -> None:
        if min(self.iterations, self.views) < 1 or self.size < 8 or not 0 < self.learning_rate < 1:
            raise ValueError(f"a fit needs iterations, views, 8 pixels and a learning rate in (0, 1): {self}")
        if min(self.decay, self.regularisation, self.depth_weight) < 0:
            raise ValueError(f"weights and decay must not be negative: {self}")


def fit_rendered(
    volume: TsdfDef,
    vertices: np.ndarray,
    faces: np.ndarray,
    settings: RenderedFit,
    *,
    seed: int = 0,
    device: str = "cpu",
    step: Callable[[int, int], None] | None = None,
) -> TsdfDef:
    """Move a volume's surface onto a mesh.

    Args:
        volume: the plain volume of the mesh.
        vertices: float (n, 3), of the mesh, in [-1, 1]^3.
        faces: int (m, 3).
        settings: of the fit.
        seed: of the cameras.
        device: where to render and optimise.
        step: called with (done, total) before each step; may raise to stop.
    """
    with deterministic(device):
        return _fit(volume, vertices, faces, settings, seed, device, step)


def _fit(
    volume: TsdfDef,
    vertices: np.ndarray,
    faces: np.ndarray,
    settings: RenderedFit,
    seed: int,
    device: str,
    step: Callable[[int, int], None] | None,
) -> TsdfDef:
    generator = torch.Generator().manual_seed(seed)
    truth = torch.as_tensor(np.asarray(vertices), dtype=torch.float32, device=device)
    truth_faces = torch.as_tensor(np.asarray(faces), dtype=torch.int64, device=device)
    truth_edges = edges_of(truth_faces)
    band = NarrowBand.of(volume, device)
    values = band.values().requires_grad_()
    quantizer, optimiser = Quantizer(), torch.optim.Adam([values], lr=settings.learning_rate)
    for iteration in range(settings.iterations):
        if step is not None:
            step(iteration, settings.iterations)
        cameras = random_cameras(settings.views, generator, device=device)
        with torch.no_grad():
            expected = render(truth, truth_faces, truth_edges, cameras, settings.size)
        quantized = quantizer(values)
        mesh = topology(band.inside(quantized[0]))
        if not len(mesh.faces):
            break
        found = render(band.vertices(mesh, quantized), mesh.faces, edges_of(mesh.faces), cameras, settings.size)
        movement = quantized[1:].abs().sum() / (3 * volume.resolution**3)
        loss = reconstruction_error(found, expected, settings.depth_weight) + settings.regularisation * movement
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.param_groups[0]["lr"] = settings.learning_rate * 10 ** (-settings.decay * iteration)
        optimiser.step()
    return band.volume_of(values)


def render(vertices: Tensor, faces: Tensor, edges: Edges, cameras: Cameras, size: int) -> tuple[Tensor, Tensor]:
    """Silhouette and depth, each float (B, size, size), differentiable in ``vertices``."""
    xy, z = project(vertices, cameras, size)
    ids = visible_faces(xy, z, faces, size)
    return silhouette_of(xy, faces, ids, edges), depth_of(xy, z, faces, ids)


def reconstruction_error(found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor], depth_weight: float) -> Tensor:
    """E_rec: mean |silhouette difference| + weight * mean |depth difference| inside the expected silhouette.

    Each argument is a silhouette and a depth image, float (B, H, H).
    """
    silhouette = (found[0] - expected[0]).abs().mean()
    depth = (expected[0] * (found[1] - expected[1]).abs()).sum() / expected[0].sum().clamp(min=1)
    return silhouette + depth_weight * depth
