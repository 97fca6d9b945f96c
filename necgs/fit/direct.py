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
from numpy.typing import NDArray

from necgs.fit.association import Association
from necgs.fit.misfit import Edges, descend, misfit_gradient, place_vertices
from necgs.fit.narrow_band import NarrowBand
from necgs.fit.thin_parts import capture_thin_parts
from necgs.volume import LEVEL
from necgs.volume.surface import Surface
from necgs.volume.topology import Topology, topology
from necgs.volume.tsdf_def import TsdfDef, flat_indices, rows_of

_EVERYWHERE = (0, 3)  # searches that look at the whole mesh; the others start from the nearest triangles before


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
    mesh = topology(volume.inside)
    if not len(mesh.faces):
        return volume
    association = Association(Surface(vertices, faces, threads), mesh.faces.numpy(), band.resolution)
    values = _optimise(_Problem.of(band, mesh), association, settings, seed, step)
    return band.volume_of(torch.from_numpy(values))


@dataclass(frozen=True)
class _Problem:
    """What is optimised: the values at the ends of crossed grid edges. No other point has a say, so none moves.

    Args:
        values: float32 (4, n), of the volume's whole band.
        points: int64 (p,), those of the band's n points that are ends.
        edges: the crossed edges, their rows among ``points``.
        faces: int32 (f, 3), triangles over the edges.
        h: size of a cell.
    """

    values: NDArray[np.float32]
    points: NDArray[np.int64]
    edges: Edges
    faces: NDArray[np.int32]
    h: float

    @classmethod
    def of(cls, band: NarrowBand, mesh: Topology) -> _Problem:
        """The problem of a band and the topology of its signs."""
        ends = np.stack([mesh.lower.numpy(), mesh.upper.numpy()], axis=1)
        flat, within = flat_indices(ends, band.resolution)
        row = np.where(within, rows_of(band.points.numpy(), flat), -1)
        points, local = np.unique(row, return_inverse=True)
        lacking = int(len(points) and points[0] < 0)
        fill = np.where(band.volume.inside.at(flat) & within, -1, 1).astype(np.float32)
        h = 2.0 / (band.resolution - 1)
        rows = (local.reshape(row.shape) - lacking).astype(np.int32)
        edges = Edges(rows, (ends * h - 1).astype(np.float32), fill)
        return cls(band.values().numpy(), points[lacking:], edges, mesh.faces.numpy().astype(np.int32), h)


def _optimise(
    problem: _Problem,
    association: Association,
    settings: DirectFit,
    seed: int,
    step: Callable[[int, int], None] | None,
) -> NDArray[np.float32]:
    """The band's values (4, n) after Adam's steps."""
    values = np.ascontiguousarray(problem.values[:, problem.points].T)
    start, h = values[:, 0].copy(), problem.h
    inside = start < 0
    bounds = np.stack([np.where(inside, -1, 0), np.where(inside, -1 / LEVEL, 1)], axis=1).astype(np.float32)
    moments = np.zeros((*values.shape, 2), np.float32)
    count = problem.values.shape[1]
    weights = settings.regularisation / (3 * count), settings.anchor / count, settings.deformation
    association.draw_samples(settings.samples_per_cell, h, seed)
    for iteration in range(settings.iterations):
        if step is not None:
            step(iteration, settings.iterations)
        quantised: NDArray[np.float32] = np.rint(values * np.float32(LEVEL)) * np.float32(1 / LEVEL)
        vertices = place_vertices(quantised, problem.edges, h)
        if iteration % settings.associate_every == 0:
            pairs = association.pairs(vertices, everywhere=iteration // settings.associate_every in _EVERYWHERE)
        gradient = misfit_gradient(quantised, vertices, problem.edges, problem.faces, pairs, h, settings.normal_weight)
        fade = (1 + math.cos(math.pi * iteration / settings.iterations)) / 2
        rates = settings.learning_rate * fade / (1 - 0.9 ** (iteration + 1)), 1 - 0.95 ** (iteration + 1)
        descend(values, start, gradient, moments, bounds, rates, weights)
    fitted = problem.values.copy()
    fitted[:, problem.points] = values.T
    return fitted
