"""What encoding with ``necgs-paper`` will cost on CPUs: single steps of fit and training, timed on a ball.

CPU seconds over threads are taken for wall seconds: what else the machine does now will not go on for days.
"""

from __future__ import annotations

import dataclasses
import functools
import time

import numpy as np
import torch
from numpy.typing import NDArray

from necgs.fit.raster import project, random_cameras, visible_faces
from necgs.fit.rendered import RenderedFit, fit_rendered
from necgs.paper_settings import PaperRate
from necgs.training.dense import DenseTraining
from necgs.volume.tsdf_def import TsdfDef

PUBLISHED_FIT = RenderedFit()
RADIUS = 0.53
"""Of a ball with the area of a typical shape, 3.5."""


def seconds_of_training(rate: PaperRate, shapes: int) -> float:
    """Seconds of a whole training, from one step of the actual network and grid with one shape.

    A step's time grows with the shapes in it, so the batch hardly matters: what a step costs beside its shapes (the
    optimiser's 1.5 million weights) is counted too often, by a few per cent.
    """
    codes = np.zeros((1, rate.channels, *(rate.resolution,) * 3), np.int16)
    codes[:, 0] = _ball(rate.resolution)
    training = DenseTraining(codes, rate.spec(), rate.training(), "cpu", seed=0)
    start = time.process_time()
    training.step(torch.tensor([0]))
    return (time.process_time() - start) / torch.get_num_threads() * shapes * rate.epochs


@functools.cache
def seconds_of_fit(resolution: int, fit: RenderedFit = PUBLISHED_FIT) -> float:
    """Seconds of a rendered fit of one shape, from the second of its iterations (the first may compile kernels).

    Args:
        resolution: K.
        fit: its settings.
    """
    import trimesh

    codes = np.zeros((4, *(resolution,) * 3), np.int16)
    codes[0] = _ball(resolution)
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
    starts: list[float] = []
    fit_rendered(
        TsdfDef.of_codes(codes),
        mesh.vertices,
        mesh.faces,
        dataclasses.replace(fit, iterations=2),
        step=lambda done, total: starts.append(time.process_time()),
    )
    return (time.process_time() - starts[1]) / torch.get_num_threads() * fit.iterations


@functools.cache
def seconds_of_visibility(fit: RenderedFit = PUBLISHED_FIT) -> float:
    """CPU seconds that a rendered fit of one shape on a GPU spends on visible faces where nvdiffrast cannot be used.

    Two depth buffers an iteration, one of the mesh and one of the volume's surface, on one thread.
    """
    import trimesh

    mesh = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
    vertices, faces = (torch.from_numpy(np.asarray(part)) for part in (mesh.vertices, mesh.faces))
    cameras = random_cameras(1, torch.Generator().manual_seed(0))
    xy, z = project(vertices, cameras, fit.size)
    visible_faces(xy[:, :, :2], z, faces[:1], fit.size)  # compiles
    start = time.process_time()
    visible_faces(xy, z, faces, fit.size)
    return (time.process_time() - start) * 2 * fit.views * fit.iterations


def _ball(resolution: int) -> NDArray[np.int16]:
    """Codes (K, K, K) of the TSDF of a ball."""
    axis = np.linspace(-1, 1, resolution)
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis**2) - RADIUS
    codes: NDArray[np.int16] = np.rint(128 * (distance * (resolution - 1) / 4).clip(-1, 1)).astype(np.int16)
    return codes
