"""The streams of `octree`: damaged ones, and valid ones of voxels that are no surface."""

from __future__ import annotations

from random import Random

import numpy as np

from bench.codec.fields import with_crc32
from tests.fuzz.mutations import Case, noise


def clouds_of_no_surface(r: Random, pool: list[Case]) -> Case:
    """What only a hostile encoder writes."""
    if r.random() < 0.5:
        return b"", _cloud(r)
    (_, part), (_, other) = r.choice(pool), r.choice(pool)
    body = part[:-4]
    for _ in range(r.choice([1, 1, 2, 3])):
        if r.random() < 0.35:  # the head: depth, counts
            body = noise(r, body[:12], other[:12]) + body[12:]
        else:
            body = noise(r, body, other[:-4])
    if body and r.random() < 0.8:
        body = bytes([body[0] & 0xE0 | r.choice([3, 4, 5])]) + body[1:]
    return b"", with_crc32(body)


def _cloud(r: Random) -> bytes:
    from baselines.points.octree_coder import encode_occupancy

    bits = r.choice([3, 4, 5, 6, 7, 9, 11])
    occupancy, count = encode_occupancy(_voxels(r, 1 << bits).astype(np.int64), bits)
    return with_crc32(bytes([bits]) + count.to_bytes(4, "little") + occupancy)


def _voxels(r: Random, side: int) -> np.ndarray:
    how = r.randrange(7)
    numbers = np.random.default_rng(r.randrange(1 << 30))
    if how <= 1:
        return numbers.integers(0, side, (r.choice([1, 2, 3, 4, 5, 16, 17, 300]), 3))
    if how == 2:  # a line
        return np.stack([np.arange(side), np.full(side, r.randrange(side)), np.full(side, r.randrange(side))], 1)
    if how == 3:  # a plane
        n = min(side, 24)
        plane = np.meshgrid(range(n), range(n))
        return np.stack([*plane, np.full((n, n), r.randrange(side))], -1).reshape(-1, 3)
    if how == 4:  # a full cube
        return np.argwhere(np.ones((min(side, 8),) * 3))
    if how == 5:  # corners of the cube
        return np.array([[x, y, z] for x in (0, side - 1) for y in (0, side - 1) for z in (0, side - 1)])
    n = min(side, 10)  # chequers: no two voxels touch
    return np.argwhere(np.indices((n, n, n)).sum(0) % 2 == 0)
