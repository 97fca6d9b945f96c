"""The volume of a mesh before anything is fitted: its quantised TSDF, kept in the cache."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.codec import Context
from necgs.volume.banded_tsdf import banded_tsdf
from necgs.volume.tsdf_def import TsdfDef, quantise

if TYPE_CHECKING:
    from trimesh import Trimesh

_VERSION = "tsdf-6"  # part of every content key: raise it when what is kept of equal meshes changes


def content_key(mesh: Trimesh, **parameters: Any) -> str:
    """A hash of a mesh's geometry and of named parameters: equal keys, equal volumes."""
    digest = hashlib.sha256(f"{_VERSION} {sorted(parameters.items())}".encode())
    digest.update(np.ascontiguousarray(mesh.vertices, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(mesh.faces, dtype="<i8").tobytes())
    return digest.hexdigest()


def plain_volume(mesh: Trimesh, resolution: int, context: Context | None = None) -> TsdfDef:
    """The volume of a mesh without deformation, from the context's cache where it has been computed before.

    Charged to phase ``tsdf``. Raises `InvalidMesh` as `banded_tsdf`.
    """
    if context is None:
        return _computed(mesh, resolution)
    key = content_key(mesh, resolution=resolution)
    return TsdfDef.unpacked(context.cached("tsdf", key, lambda: _computed(mesh, resolution).packed()))


def _computed(mesh: Trimesh, resolution: int) -> TsdfDef:
    band = banded_tsdf(mesh, resolution)
    codes = quantise(band.values)[None]
    shallow = band.points[(band.values < 0) & (codes[0] >= 0)]
    inside = band.inside.changed(shallow, np.zeros(len(shallow), bool))
    return TsdfDef.of_points(band.points, codes, inside)
