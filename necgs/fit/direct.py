"""Fit a TSDF-Def volume to a mesh by closest points, without rendering: seconds a shape on a CPU.

Vertices and face centres of the extracted surface are drawn to the tangent planes of their closest points on the mesh,
points of the mesh draw the surface to their own tangent planes, and face normals turn towards the mesh's. Once
thin parts are captured, the signs of the TSDF, hence the triangles, stay as they are: only where the surface crosses
the grid's edges, and where the grid's points lie, is optimised, by Adam, with the quantiser in the loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from necgs.fit.narrow_band import NarrowBand
from necgs.fit.thin_parts import capture_thin_parts
from necgs.quantize import Quantizer
from necgs.volume import LEVEL
from necgs.volume.surface import Surface, sample_count
from necgs.volume.topology import Topology, topology
from necgs.volume.tsdf_def import TsdfDef

_AGREE = 0.2  # cosine between normals below which two points lie on different sides of a thin part


@dataclass(frozen=True)
class DirectFit:
    """Settings of the direct fit.

    Args:
        iterations: steps of Adam.
        associate_every: steps between two searches for closest points.
        learning_rate: at the start; falls to zero as a cosine. In units of TSDF and deformation.
        normal_weight: of the area-weighted mean of 1 - cos(angle of normals); distances count in cells, squared.
        regularisation: of the mean |deformation| over the narrow band. More of it makes volumes that code better.
        anchor: of the mean squared departure of the TSDF over the narrow band. The surface depends on ratios of the
            TSDF alone; unanchored, its scale drifts from point to point and the volume gets rougher to no purpose.
        samples_per_cell: points on the mesh per h^2 of its area.
        deformation: False moves the TSDF alone, for volumes of one channel.
    """

    iterations: int = 100
    associate_every: int = 10
    learning_rate: float = 0.03
    normal_weight: float = 0.1
    regularisation: float = 0.02
    anchor: float = 0.2
    samples_per_cell: float = 4.0
    deformation: bool = True

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.associate_every < 1 or not 0 < self.learning_rate < 1:
            raise ValueError(f"a fit needs positive iterations and a learning rate in (0, 1): {self}")
        if min(self.normal_weight, self.regularisation, self.anchor) < 0 or self.samples_per_cell <= 0:
            raise ValueError(f"weights must not be negative, samples_per_cell must be positive: {self}")


@dataclass(frozen=True)
class _Samples:
    """Points of the mesh: positions float32 (p, 3) and unit normals (p, 3)."""

    points: Tensor
    normals: Tensor


@dataclass(frozen=True)
class _Pairs:
    """Which points of the extracted surface and of the mesh belong together; constant between two searches.

    Args:
        target, target_normal: (v + f, 3), closest points on the mesh of the vertices and face centres.
        target_ok: (v + f,), 1 where the normals agree, else 0.
        face, weights: (p,) and (p, 3), where on the extracted surface the mesh's samples have their closest points.
        sample_ok: (p,), as ``target_ok``.
    """

    target: Tensor
    target_normal: Tensor
    target_ok: Tensor
    face: Tensor
    weights: Tensor
    sample_ok: Tensor


def fit_direct(
    volume: TsdfDef,
    vertices: np.ndarray,
    faces: np.ndarray,
    settings: DirectFit,
    *,
    seed: int = 0,
    threads: int = 1,
    step: Callable[[int, int], None] | None = None,
) -> TsdfDef:
    """Move a volume's surface onto a mesh.

    Args:
        volume: the plain volume of the mesh.
        vertices: float (n, 3), of the mesh, in [-1, 1]^3.
        faces: int (m, 3).
        settings: of the fit.
        seed: of the samples on the mesh.
        threads: CPU threads for closest points; the result does not depend on it.
        step: called with (done, total) before each step; may raise to stop.

    Returns:
        the fitted volume; the same one where it holds no surface.
    """
    volume = capture_thin_parts(volume, vertices, faces, seed, move=settings.deformation)
    band = NarrowBand.of(volume)
    mesh = topology(band.inside(band.values()[0]))
    if not len(mesh.faces):
        return volume
    surface = Surface(vertices, faces, threads)
    samples = _samples(surface, settings, volume.resolution, seed)
    return band.volume_of(_optimised(band, mesh, surface, samples, settings, step))


def _optimised(
    band: NarrowBand,
    mesh: Topology,
    surface: Surface,
    samples: _Samples,
    settings: DirectFit,
    step: Callable[[int, int], None] | None,
) -> Tensor:
    """The band's values (4, n) after all steps; see `fit_direct`."""
    values = band.values()
    start, (low, high) = values[0].clone(), _bounds(values)
    values.requires_grad_()
    quantizer, optimiser = Quantizer(), torch.optim.Adam([values], lr=settings.learning_rate, betas=(0.9, 0.95))
    pairs: _Pairs | None = None
    for iteration in range(settings.iterations):
        if step is not None:
            step(iteration, settings.iterations)
        moved = band.vertices(mesh, quantizer(values))
        if pairs is None or iteration % settings.associate_every == 0:
            pairs = _associate(moved.detach(), mesh, surface, samples)
        loss = _misfit(moved, mesh, pairs, samples, 2.0 / (band.resolution - 1), settings.normal_weight)
        loss = loss + settings.regularisation * values[1:].abs().mean()
        loss = loss + settings.anchor * (values[0] - start).square().mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        if not settings.deformation and values.grad is not None:
            values.grad[1:] = 0
        fade = (1 + math.cos(math.pi * iteration / settings.iterations)) / 2
        optimiser.param_groups[0]["lr"] = settings.learning_rate * fade
        optimiser.step()
        with torch.no_grad():
            values.copy_(values.clamp(low, high))
    return values


def _bounds(values: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest values (4, n) that keep each point on its side after quantisation."""
    low, high = torch.full_like(values, -1.0), torch.full_like(values, 1.0)
    inside = values[0] < 0
    low[0] = torch.where(inside, -1.0, 0.0)
    high[0] = torch.where(inside, -1.0 / LEVEL, 1.0)
    return low, high


def _samples(surface: Surface, settings: DirectFit, resolution: int, seed: int) -> _Samples:
    h = 2.0 / (resolution - 1)
    points, faces = surface.sample(sample_count(surface, settings.samples_per_cell, h), seed)
    return _Samples(torch.from_numpy(points), torch.from_numpy(surface.normals[faces]))


def _face_vectors(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Centres (f, 3) and normals of twice the area's length (f, 3)."""
    a, b, c = (vertices.index_select(0, faces[:, i]) for i in range(3))
    return (a + b + c) / 3, torch.linalg.cross(b - a, c - a)


def _associate(vertices: Tensor, mesh: Topology, surface: Surface, samples: _Samples) -> _Pairs:
    centres, normals = _face_vectors(vertices, mesh.faces)
    around = torch.zeros_like(vertices).index_add(0, mesh.faces.reshape(-1), normals.repeat_interleave(3, dim=0))
    own = torch.nn.functional.normalize(torch.cat([around, normals]), dim=1)
    target, face, _ = surface.closest(torch.cat([vertices, centres]).numpy())
    target_normal = torch.from_numpy(surface.normals[face])
    current = Surface(vertices.numpy(), mesh.faces.numpy())
    _, near, weights = current.closest(samples.points.numpy())
    near_normal = torch.from_numpy(current.normals[near])
    return _Pairs(
        torch.from_numpy(target),
        target_normal,
        ((own * target_normal).sum(1) > _AGREE).float(),
        torch.from_numpy(near),
        torch.from_numpy(weights.astype(np.float32)),
        ((near_normal * samples.normals).sum(1) > _AGREE).float(),
    )


def _misfit(
    vertices: Tensor, mesh: Topology, pairs: _Pairs, samples: _Samples, h: float, normal_weight: float
) -> Tensor:
    """Mean squared distances to the paired tangent planes in cells, both ways, and the disagreement of the normals."""
    centres, normals = _face_vectors(vertices, mesh.faces)
    out = ((torch.cat([vertices, centres]) - pairs.target) * pairs.target_normal).sum(1) / h
    corners = mesh.faces.index_select(0, pairs.face)
    touched = torch.zeros_like(samples.points)
    for i in range(3):
        touched = touched + vertices.index_select(0, corners[:, i]) * pairs.weights[:, i, None]
    back = ((touched - samples.points) * samples.normals).sum(1) / h
    misfit = (out.square() * pairs.target_ok).mean() + (back.square() * pairs.sample_ok).mean()
    length = normals.norm(dim=1)
    faces_only = slice(len(vertices), None)
    turned = (length - (normals * pairs.target_normal[faces_only]).sum(1)) * pairs.target_ok[faces_only]
    disagreement: Tensor = turned.sum() / length.detach().sum()
    return misfit + normal_weight * disagreement
