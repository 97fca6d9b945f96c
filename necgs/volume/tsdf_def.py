"""TSDF-Def volumes: truncated signed distance on a regular grid, and the deformation of its points.

Grid point (i, j, k) of K^3 lies at ``-1 + h (i, j, k)``, h = 2/(K-1). The TSDF is the signed distance divided by 2h and
clamped to [-1, 1], positive outside; the deformation moves a point by ``deformation * h/2`` per axis. Both are kept as
integers of the 257-level quantiser over [-1, 1] (Ren et al., Neural Compression for 3D Geometry Sets): code / 128.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from necgs.volume import LEVEL
from necgs.volume.grid_bits import GridBits

if TYPE_CHECKING:
    from torch import Tensor
    from trimesh import Trimesh


@dataclass(frozen=True)
class TsdfDef:
    """A quantised volume: the points near its surface, and a bit for each of the others, which are truncated.

    Args:
        points: int32 (n,), flat indices (x slowest), ascending, of the points that are not truncated or that are moved.
        point_codes: int16 (c, n), their values in [-128, 128]: TSDF and, where c is 4, deformation along x, y, z.
        inside: whether the TSDF is below zero, of all points.
    """

    points: NDArray[np.int32]
    point_codes: NDArray[np.int16]
    inside: GridBits

    def __post_init__(self) -> None:
        codes, points = self.point_codes, self.points
        if codes.dtype != np.int16 or codes.ndim != 2 or len(codes) not in (1, 4) or points.shape != codes.shape[1:]:
            raise ValueError(f"{points.shape} points need codes int16 (1 or 4, n), not {codes.dtype} {codes.shape}")
        if self.resolution < 4:
            raise ValueError(f"a volume has at least 4 points per axis, not {self.resolution}")
        if codes.size and max(int(codes.max()), -int(codes.min())) > LEVEL:
            raise ValueError(f"codes must lie within -{LEVEL}..{LEVEL}, not {codes.min()}..{codes.max()}")

    @classmethod
    def of_codes(cls, codes: NDArray[np.int16]) -> TsdfDef:
        """That of a whole one, int16 (1 or 4, K, K, K)."""
        K = codes.shape[1]
        if codes.ndim != 4 or len(codes) not in (1, 4) or codes.shape[1:] != (K, K, K):
            raise ValueError(f"codes must be int16 (1 or 4, K, K, K), not {codes.dtype} {codes.shape}")
        flat = codes.reshape(len(codes), -1)
        points = np.flatnonzero((np.abs(flat[0]) != LEVEL) | flat[1:].any(axis=0))
        return cls.of_points(points, flat[:, points], GridBits.of(codes[0] < 0))

    @classmethod
    def of(cls, tsdf: np.ndarray, deformation: np.ndarray | None = None) -> TsdfDef:
        """Quantise a TSDF (K, K, K) and a deformation (3, K, K, K), both float within [-1, 1]; None is zero."""
        whole = tsdf[None] if deformation is None else np.concatenate([tsdf[None], deformation])
        return cls.of_codes(quantise(whole))

    @classmethod
    def of_points(cls, points: NDArray[np.integer], codes: NDArray[np.int16], inside: GridBits) -> TsdfDef:
        """Of points among which some may be truncated and unmoved, and that may not be moved at all."""
        codes = codes if codes[1:].any() else codes[:1]
        kept = (np.abs(codes[0]) != LEVEL) | codes[1:].any(axis=0)
        return cls(points[kept].astype(np.int32), np.ascontiguousarray(codes[:, kept]), inside)

    @classmethod
    def unpacked(cls, stored: Mapping[str, NDArray[np.generic]]) -> TsdfDef:
        """What was `packed`. Raises ``ValueError`` or ``zlib.error`` where ``stored`` is damaged."""
        channels, K = (int(size) for size in stored["shape"])
        bits = np.frombuffer(zlib.decompress(stored["inside"].tobytes()), np.uint8)
        codes = np.zeros((channels, len(stored["points"])), np.int16)
        codes[stored["kept"]] = stored["values"]
        return cls.of_points(stored["points"].astype(np.int32), codes, GridBits(K, bits))

    def packed(self) -> dict[str, NDArray[np.generic]]:
        """Arrays to keep on disk.

        Returns:
            ``points`` int32 (n,); ``values`` int16 (c, n) of the channels ``kept`` (c,) that are not zero throughout;
            ``inside`` uint8, zlib of the bits; ``shape``: channels, K.
        """
        kept = np.array([0, *(1 + np.flatnonzero(self.point_codes[1:].any(axis=1)))])
        inside = np.frombuffer(zlib.compress(self.inside.packed.tobytes(), 1), np.uint8)
        shape = np.array([len(self.point_codes), self.resolution])
        return {"points": self.points, "values": self.point_codes[kept], "kept": kept, "inside": inside, "shape": shape}

    @property
    def resolution(self) -> int:
        """Grid points per axis, K."""
        return self.inside.resolution

    @property
    def codes(self) -> NDArray[np.int16]:
        """The whole volume, int16 (4, K, K, K), made anew."""
        return self.dense(4)

    def dense(self, channels: int) -> NDArray[np.int16]:
        """The first of the whole volume's channels, int16 (channels, K, K, K)."""
        K = self.resolution
        whole = np.zeros((channels, K**3), np.int16)
        whole[0] = np.where(self.inside.whole().reshape(-1), np.int16(-LEVEL), np.int16(LEVEL))
        held = min(channels, len(self.point_codes))
        whole[:held, self.points] = self.point_codes[:held]
        return whole.reshape(channels, K, K, K)

    def all_channels(self) -> NDArray[np.int16]:
        """`point_codes` with those of a deformation that is zero, int16 (4, n)."""
        codes = np.zeros((4, len(self.points)), np.int16)
        codes[: len(self.point_codes)] = self.point_codes
        return codes

    def changed(self, points: NDArray[np.integer], codes: NDArray[np.int16]) -> TsdfDef:
        """With other codes (c, m), c being 1 or 4, at points given by flat index (m,), ascending."""
        every = np.union1d(self.points, points)
        found = np.zeros((4, len(every)), np.int16)
        found[:, np.searchsorted(every, self.points)] = self.all_channels()
        found[: len(codes), np.searchsorted(every, points)] = codes
        return TsdfDef.of_points(every, found, self.inside.changed(points, codes[0] < 0))

    def mesh(self) -> Trimesh:
        """The surface that the volume stands for, by deformable marching cubes; empty where nothing is inside."""
        import trimesh

        from necgs.volume.dmc import interpolate
        from necgs.volume.topology import topology

        found = topology(self.inside)
        ends = [self._at(points.numpy()) for points in (found.lower, found.upper)]
        vertices = interpolate(found, *ends[0], *ends[1], resolution=self.resolution)
        return trimesh.Trimesh(vertices.numpy(), found.faces.numpy(), process=False)

    def _at(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """TSDF float32 (m,) and deformation (m, 3) at points (m, 3) of the grid or around it; around it is outside."""
        import torch

        flat, within = flat_indices(indices, self.resolution)
        distance = np.where(within & self.inside.at(flat), np.float32(-1), np.float32(1))
        move = np.zeros((len(flat), 3), np.float32)
        rows = rows_of(self.points, flat)
        given = within & (rows >= 0)
        values = dequantise(self.all_channels()[:, rows[given]])
        distance[given], move[given] = values[0], values[1:].T
        return torch.from_numpy(distance), torch.from_numpy(move)


def flat_indices(indices: NDArray[np.int64], resolution: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Flat index (...) of points (..., 3) of a grid, or of the nearest one for points around it; which lie in it."""
    clamped = indices.clip(0, resolution - 1)
    flat = (clamped[..., 0] * resolution + clamped[..., 1]) * resolution + clamped[..., 2]
    return flat, (clamped == indices).all(axis=-1)


def rows_of(points: NDArray[np.integer], flat: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where each of ``flat`` stands among ``points`` (n,), ascending; -1 where it does not."""
    if not len(points):
        return np.full(flat.shape, -1, np.int64)
    row = np.searchsorted(points, flat).clip(max=len(points) - 1)
    return np.where(points[row] == flat, row, -1)


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
