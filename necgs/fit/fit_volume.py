"""TSDF-Def volumes of meshes: plain, fitted directly, or fitted by rendering."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.codec import Context
from necgs.fit.direct import DirectFit, fit_direct
from necgs.fit.raster.visibility import visibility_on
from necgs.fit.rendered import RenderedFit, fit_rendered
from necgs.volume.plain_volume import content_key, plain_volume
from necgs.volume.tsdf_def import TsdfDef

if TYPE_CHECKING:
    from trimesh import Trimesh

Fit = DirectFit | RenderedFit

FITS: Mapping[str, Fit | None] = {"none": None, "direct": DirectFit(), "rendered": RenderedFit()}
"""The fits by name, with their default settings."""

_VERSION = "fit-4"  # part of every cache key: raise it when equal settings give other volumes


def fitted_volume(mesh: Trimesh, resolution: int, fit: Fit | None, context: Context | None = None) -> TsdfDef:
    """The volume of a mesh in [-1, 1]^3, from the context's cache where it has been computed before.

    Charged to phases ``tsdf`` and ``fit``. The same seed gives the same volume on the same
    machine and device.

    Args:
        mesh: normalised.
        resolution: K.
        fit: how, e.g. ``FITS["direct"]``; None for the plain volume.
        context: seed, threads, device (the direct fit runs on the CPU), deadline, cache, progress.

    Raises:
        InvalidMesh: the mesh has no triangle, is not finite or not normalised.
        DeadlineExceeded: the context's deadline has passed.
    """
    context = context or Context(scratch=Path())  # nothing is written: no temporary folder is made
    plain = plain_volume(mesh, resolution, context)
    if fit is None:
        return plain
    settings = {"resolution": resolution, "seed": context.seed, "fit": f"{_VERSION} {type(fit).__name__}"}
    if isinstance(fit, RenderedFit):  # the direct fit runs on the CPU in any case
        settings["device"] = context.device.partition(":")[0]  # which of several GPUs makes no difference
    key = content_key(mesh, **settings, **dataclasses.asdict(fit))
    found = context.cached("fit", key, lambda: _fitted(plain, mesh, fit, context))
    if "visibility" in found:
        context.notes["visibility"] = str(found["visibility"])
    return TsdfDef.unpacked(found)


def _fitted(plain: TsdfDef, mesh: Trimesh, fit: Fit, context: Context) -> dict[str, np.ndarray]:
    """What is cached: the fitted volume, and for a rendered fit what found the visible faces."""
    if isinstance(fit, RenderedFit):
        context.take_gpu()
    packed = fit_volume(plain, mesh, fit, context).packed()
    if not isinstance(fit, RenderedFit):
        return packed
    return {**packed, "visibility": np.asarray(str(visibility_on(context.device)))}


def fit_volume(plain: TsdfDef, mesh: Trimesh, fit: Fit, context: Context) -> TsdfDef:
    """Fit a mesh's plain volume to the mesh; nothing is cached. As `fitted_volume` otherwise."""

    def step(done: int, total: int) -> None:
        context.check_deadline()
        if done % 10 == 0:
            context.progress(done, total, "fit")

    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    if isinstance(fit, DirectFit):
        return fit_direct(plain, vertices, faces, fit, seed=context.seed, threads=context.threads, step=step)
    return fit_rendered(plain, vertices, faces, fit, seed=context.seed, device=context.device, step=step)
