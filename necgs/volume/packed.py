"""Volumes as they are kept on disk: the points near the surface, and one bit for each of the others.

A TSDF is truncated but for a band of a few cells around the surface, so what is kept grows with K^2.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from necgs.volume import LEVEL


def pack(codes: NDArray[np.int16]) -> dict[str, NDArray[np.generic]]:
    """Arrays from which `unpack` makes ``codes`` (channels, K, K, K) again; the first channel is the TSDF.

    Returns:
        ``points`` int32 (n,), flat indices of those that are not truncated or that move; ``values`` int16 (c, n), of
        these, in the channels ``kept`` (c,) that are not zero throughout; ``inside`` uint8, zlib of a bit for each
        point: its TSDF is below zero; ``shape``.
    """
    channels, K = codes.shape[:2]
    flat = codes.reshape(channels, -1)
    kept = np.array([0, *(channel for channel in range(1, channels) if flat[channel].any())])
    points = np.flatnonzero((np.abs(flat[0]) < LEVEL) | flat[1:].any(axis=0)).astype(np.int32)
    inside = np.frombuffer(zlib.compress(np.packbits(flat[0] < 0).tobytes(), 1), np.uint8)
    values = flat[kept[:, None], points]
    return {"points": points, "values": values, "kept": kept, "inside": inside, "shape": np.array([channels, K])}


def unpack(stored: Mapping[str, NDArray[np.generic]]) -> NDArray[np.int16]:
    """Codes int16 (channels, K, K, K). Raises ``ValueError`` or ``zlib.error`` where ``stored`` is damaged."""
    channels, K = (int(size) for size in stored["shape"])
    codes = np.zeros((channels, K**3), np.int16)
    bits = np.frombuffer(zlib.decompress(stored["inside"].tobytes()), np.uint8)
    codes[0] = np.where(np.unpackbits(bits, count=K**3), np.int16(-LEVEL), np.int16(LEVEL))
    codes[stored["kept"][:, None], stored["points"]] = stored["values"]
    return codes.reshape(channels, K, K, K)
