"""TSDF-Def volumes: truncated signed distance on a regular grid, and the deformation of its points.

Grid point (i, j, k) of K^3 lies at ``-1 + h (i, j, k)``, h = 2/(K-1). The TSDF is the signed distance divided by 2h and
clamped to [-1, 1], positive outside; the deformation moves a point by ``deformation * h/2`` per axis. Both are kept as
integers of the 257-level quantiser over [-1, 1] (Ren et al., Neural Compression for 3D Geometry Sets): code / 128.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.codec import Context
from necgs.volume import LEVEL
from necgs.volume.banded_tsdf import banded_tsdf
from necgs.volume.packed import pack, unpack

if TYPE_CHECKING:
    from trimesh import Trimesh

_VERSION = "tsdf-6"  # part of every content key: raise it when what is kept of equal meshes changes


@dataclass(frozen=True)
class TsdfDef:
    """A quantised volume.

    Args:
        codes: int16 (4, K, K, K), values in [-128, 128]: TSDF, then deformation along x, y, z.
    """

    codes: np.ndarray

    def __post_init__(self) -> None:
        c = self.codes
        if c.dtype != np.int16 or c.ndim != 4 or c.shape != (4, *[c.shape[1]] * 3) or c.shape[1] < 4:
            raise ValueError(f"codes must be int16 (4, K, K, K) with K >= 4, not {c.dtype} {c.shape}")
        if c.min() < -LEVEL or c.max() > LEVEL:
            raise ValueError(f"codes must lie within -{LEVEL}..{LEVEL}, not {c.min()}..{c.max()}")

    @classmethod
    def of(cls, tsdf: np.ndarray, deformation: np.ndarray | None = None) -> TsdfDef:
        """Quantise a TSDF (K, K, K) and a deformation (3, K, K, K), both float within [-1, 1]; None is zero."""
        codes = np.zeros((4, *tsdf.shape), np.int16)
        codes[0] = quantise(tsdf)
        if deformation is not None:
            codes[1:] = quantise(deformation)
        return cls(codes)

    @property
    def resolution(self) -> int:
        """Grid points per axis, K."""
        return int(self.codes.shape[1])

    def values(self) -> np.ndarray:
        """The volume as float32 (4, K, K, K) within [-1, 1]."""
        return dequantise(self.codes)

    def mesh(self) -> Trimesh:
        """The surface that the volume stands for, by deformable marching cubes; empty where nothing is inside."""
        import torch

        from necgs.volume.dmc import mesh_of

        codes = torch.from_numpy(self.codes)
        return mesh_of(codes[0], codes[1:], level=LEVEL)


def quantise(values: np.ndarray) -> np.ndarray:
    """Codes int16 in [-128, 128] of float values; what lies beyond [-1, 1] is clamped."""
    scaled = np.clip(values, -1.0, 1.0)
    scaled *= LEVEL
    codes: np.ndarray = np.rint(scaled, out=scaled).astype(np.int16)
    return codes


def dequantise(codes: np.ndarray) -> np.ndarray:
    """Float32 values code/128 of integer codes."""
    values: np.ndarray = codes.astype(np.float32) / np.float32(LEVEL)
    return values


def content_key(mesh: Trimesh, **parameters: Any) -> str:
    """A hash of a mesh's geometry and of named parameters: equal keys, equal volumes."""
    digest = hashlib.sha256(f"{_VERSION} {sorted(parameters.items())}".encode())
    digest.update(np.ascontiguousarray(mesh.vertices, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(mesh.faces, dtype="<i8").tobytes())
    return digest.hexdigest()


def plain_volume(mesh: Trimesh, resolution: int, context: Context | None = None) -> TsdfDef:
    """The volume of a mesh without deformation, from the context's cache where it has been computed before.

    Charged to phase ``tsdf``. Raises `InvalidMesh` as `tsdf`.
    """
    if context is None:
        codes = quantise(tsdf(mesh, resolution))
    else:
        key = content_key(mesh, resolution=resolution)
        stored = context.cached("tsdf", key, lambda: pack(quantise(tsdf(mesh, resolution))[None]))
        codes = unpack(stored)[0]
    full = np.zeros((4, *codes.shape), np.int16)
    full[0] = codes
    return TsdfDef(full)


def tsdf(mesh: Trimesh, resolution: int) -> np.ndarray:
    """Truncated signed distance of a mesh in [-1, 1]^3, of all grid points; see `banded_tsdf`.

    Returns:
        float32 (K, K, K), positive outside.

    Raises:
        InvalidMesh: no triangle, coordinates that are not finite, or geometry outside the cube.
    """
    return banded_tsdf(mesh, resolution).whole()
