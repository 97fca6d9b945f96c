"""The grid points near a volume's surface as one flat array: what a fit optimises."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.volume import LEVEL
from necgs.volume.dmc import interpolate
from necgs.volume.topology import Topology
from necgs.volume.tsdf_def import TsdfDef, dequantise, quantise


@dataclass(frozen=True)
class NarrowBand:
    """The points of a K^3 grid whose TSDF is not truncated; beyond them the volume is constant.

    Args:
        volume: where the values come from, and what holds at the points outside the band.
        points: int64 (n,), flat indices of the band's points, ascending.
    """

    volume: TsdfDef
    points: Tensor

    @classmethod
    def of(cls, volume: TsdfDef, device: str = "cpu") -> NarrowBand:
        """The band of a volume."""
        points = torch.from_numpy(volume.points[_in_band(volume)].astype(np.int64))
        return cls(volume, points.to(device))

    @functools.cached_property
    def side(self) -> Tensor:
        """Bool (K^3,), whether each point of the volume is inside: only what moves the signs wants it."""
        return torch.from_numpy(self.volume.inside.whole().reshape(-1)).to(self.points.device)

    @property
    def resolution(self) -> int:
        """K."""
        return self.volume.resolution

    def values(self) -> Tensor:
        """The band's values, float32 (4, n)."""
        codes = self.volume.all_channels()[:, _in_band(self.volume)]
        return torch.from_numpy(dequantise(codes)).to(self.points.device)

    def row(self, points: Tensor) -> Tensor:
        """Number within the band of each of points, given by flat index (m,); -1 where it is not in the band."""
        if not len(self.points):
            return torch.full_like(points, -1)
        row = torch.searchsorted(self.points, points).clamp(max=len(self.points) - 1)
        return torch.where(self.points[row] == points, row, -1)

    def inside(self, tsdf: Tensor) -> Tensor:
        """Bool (K, K, K): the sides of all points when the band's TSDF is ``tsdf`` (n,)."""
        inside = self.side.clone()
        inside[self.points] = tsdf.detach() < 0
        return inside.reshape([self.resolution] * 3)

    def vertices(self, mesh: Topology, values: Tensor) -> Tensor:
        """Vertices (m, 3) of the surface of values (4, n), differentiable in them.

        Args:
            mesh: `topology` of `inside`, for the same signs.
            values: float (4, n).
        """
        ends = [self._at(points, values) for points in (mesh.lower, mesh.upper)]
        return interpolate(mesh, *ends[0], *ends[1], resolution=self.resolution)

    def volume_of(self, values: Tensor) -> TsdfDef:
        """The whole volume with the band's values (4, n) put in place and quantised."""
        return self.volume.changed(self.points.cpu().numpy(), quantise(values.detach().cpu().numpy()))

    def _at(self, points: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """TSDF (m,) and deformation (m, 3) at grid points (m, 3), truncated and unmoved beyond the band."""
        K = self.resolution
        clamped = points.clamp(0, K - 1)
        flat = (clamped[:, 0] * K + clamped[:, 1]) * K + clamped[:, 2]
        within = (points == clamped).all(1)
        fill = torch.where(self.side[flat] & within, -1.0, 1.0).to(values.dtype)
        row = self.row(flat)
        given, row = within & (row >= 0), row.clamp(min=0)
        tsdf = torch.where(given, values[0].index_select(0, row), fill)
        move = torch.where(given[:, None], values[1:].index_select(1, row).T, 0.0)
        return tsdf, move


def _in_band(volume: TsdfDef) -> NDArray[np.bool_]:
    """Which of a volume's points (n,) are not truncated."""
    band: NDArray[np.bool_] = np.abs(volume.point_codes[0]) < LEVEL
    return band
