"""Lossless coder of voxel clouds: an octree whose occupancy bits are coded with adaptive contexts.

A stream is bare: depth, point count and checksum are the business of the codec that holds it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from baselines.points.occupancy_model import BITS_PER_DECISION, code_level, flush, new_coder
from bench.codec import CorruptArchive

MAX_BITS = 16
MAX_POINTS = 1 << 26
WORST_BYTES_PER_NODE = 12

Ints = NDArray[np.int64]
_MASK21 = (1 << 21) - 1


def encode_occupancy(points: NDArray[np.integer], bits: int) -> tuple[bytes, int]:
    """Code a set of voxels; also returns how many there are.

    Args:
        points: (n, 3) integers in [0, 2^bits); at least one; order and duplicates are not kept.
        bits: depth of the octree, 1 to 16.

    Raises:
        ValueError: for an empty cloud, a coordinate out of range or a depth out of range.
    """
    if not 1 <= bits <= MAX_BITS:
        raise ValueError(f"the octree's depth must be 1 to {MAX_BITS} bits, not {bits}")
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.issubdtype(points.dtype, np.integer):
        raise ValueError(f"points must be a non-empty (n, 3) integer array, not {points.shape} {points.dtype}")
    if points.min() < 0 or points.max() >= 1 << bits:
        raise ValueError(f"coordinates {points.min()} .. {points.max()} do not fit {bits} bits")
    keys = np.unique(_keys(points.astype(np.int64)))
    if len(keys) > MAX_POINTS:
        raise ValueError(f"{len(keys)} points are more than the {MAX_POINTS} that the format allows")
    count = len(keys)
    levels = []
    for _ in range(bits):
        keys, masks = _parents(keys)
        levels.append((keys, masks))
    stream = np.zeros(WORST_BYTES_PER_NODE * sum(len(k) for k, _ in levels) + 16, np.uint8)
    coder = new_coder(stream, decode=False)
    for height in reversed(range(bits)):
        code_level(coder, *levels[height], height, False)
    return flush(coder), count


def decode_occupancy(data: bytes, count: int, bits: int) -> Ints:
    """Inverse of `encode_occupancy`: (count, 3) int64 in lexicographic order.

    Raises:
        CorruptArchive: when ``data`` cannot hold, or does not hold, ``count`` voxels of ``bits`` bits.
    """
    possible = int(8 * (len(data) + 4) / BITS_PER_DECISION)
    if not 1 <= bits <= MAX_BITS or not 1 <= count <= min(possible, MAX_POINTS, 1 << (3 * bits)):
        raise CorruptArchive(f"{len(data)} bytes cannot hold {count} voxels of {bits} bits")
    coder = new_coder(np.frombuffer(bytearray(data), np.uint8), decode=True)
    keys = np.zeros(1, np.int64)
    for height in reversed(range(bits)):
        masks = np.zeros(len(keys), np.int64)
        code_level(coder, keys, masks, height, True)
        found = int(np.unpackbits(masks.astype(np.uint8)).sum(dtype=np.int64))
        if found > count or coder.interval[3] > len(data) + 4:
            raise CorruptArchive(f"the octree stream holds more than the {count} voxels that it states")
        keys = _children(keys, masks)
    if len(keys) != count:
        raise CorruptArchive(f"the octree stream holds {len(keys)} voxels and states {count}")
    return np.stack([keys >> 42, (keys >> 21) & _MASK21, keys & _MASK21], axis=1)


def _keys(points: Ints) -> Ints:
    return (points[:, 0] << 42) | (points[:, 1] << 21) | points[:, 2]


def _parents(keys: Ints) -> tuple[Ints, Ints]:
    """Sorted parent keys, and each parent's occupancy byte (child 4x + 2y + z is bit 7 - child)."""
    upper = (1 << 20) - 1
    parents = (keys >> 43 << 42) | (((keys >> 22) & upper) << 21) | ((keys >> 1) & upper)
    child = ((keys >> 42) & 1) * 4 + ((keys >> 21) & 1) * 2 + (keys & 1)
    unique, inverse = np.unique(parents, return_inverse=True)
    # Each child occurs once, so that adding its bit is setting it.
    masks = np.bincount(inverse, weights=(1 << (7 - child)).astype(np.float64))
    return unique, masks.astype(np.int64)


def _children(keys: Ints, masks: Ints) -> Ints:
    """Sorted keys of the occupied children."""
    bits = np.unpackbits(masks.astype(np.uint8)[:, None], axis=1)
    row, child = np.nonzero(bits)
    corner = keys << 1  # the fields are 21 bits wide and hold at most 16: doubling does not carry over
    result: Ints = corner[row] + ((child >> 2) << 42) + (((child >> 1) & 1) << 21) + (child & 1)
    result.sort()
    return result
