"""A shape coded by itself: connectivity, then vertices on a lattice about the cube's centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec import CorruptArchive
from necgs.mesh.binary_coder import POSITION, Coder, Integers, is_lost, written
from necgs.mesh.connectivity import Conquest, read_connectivity, write_connectivity
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.priors import connectivity_models, lattice_weights
from necgs.mesh.root_geometry import read_vertices, scaffold, write_vertices

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lattice:
    """Points that a coordinate may take: -half to half, times ``step`` in 2^-20 of the cube's half side."""

    step: int

    @property
    def half(self) -> int:
        """Largest index, at the cube's side or just beyond."""
        return -(-CUBE // self.step)

    @property
    def count(self) -> int:
        """Values of a coordinate."""
        return 2 * self.half + 1

    def nearest(self, points: Floats) -> Integers:
        """Indices 0..count-1 of points in the cube."""
        found: Integers = np.round(points * (CUBE / self.step)).astype(np.int64) + self.half
        return found.clip(0, self.count - 1)

    def points(self, indices: Integers) -> Integers:
        """Points in 2^-20 of the cube's half side."""
        return (indices - self.half) * self.step


@dataclass(frozen=True)
class LoneShape:
    """A shape as it was coded.

    Args:
        conquest: faces in coded order, and each vertex's origin.
        indices: (v, 3) on the lattice.
        connectivity_bytes: about how many of the stream's bytes were spent on faces.
        plain: whether its vertices are predicted without a field, see `scaffold`.
    """

    conquest: Conquest
    indices: Integers
    connectivity_bytes: int
    plain: bool


def write_lone(
    coder: Coder,
    faces: Integers,
    points: Floats,
    lattice: Lattice,
    *,
    plain: bool,
    hessians: Floats | None = None,
    price: float = 0.0,
) -> LoneShape:
    """Append faces (f, 3) and points (v, 3) in the cube; arguments as of `LoneShape` and `GroupInput`."""
    conquest = write_connectivity(coder, faces, connectivity_models())
    spent = int(coder.state[POSITION])
    origin = conquest.origin
    frame = scaffold(conquest.faces, len(origin), plain)
    bent = np.zeros((0, 3, 3)) if hessians is None else hessians[origin] * (lattice.step / CUBE) ** 2
    wanted = points[origin] * (CUBE / lattice.step) + lattice.half
    found = write_vertices(coder, frame, wanted, lattice.count, lattice_weights(plain), bent, price)
    return LoneShape(conquest, found, spent, plain)


def shorter(write: Callable[[Coder, bool], LoneShape], room: int) -> tuple[Coder, LoneShape]:
    """What ``write`` writes plainly or not, whichever is the shorter; see `written`."""

    def tried(plain: bool) -> tuple[Coder, LoneShape]:
        return written(lambda coder: write(coder, plain), room)

    return min((tried(plain) for plain in (False, True)), key=lambda found: int(found[0].state[POSITION]))


def read_lone(coder: Coder, count: int, lattice: Lattice, plain: bool) -> tuple[Integers, Integers]:
    """Points (v, 3) int64 in 2^-20 and ``count`` faces (f, 3).

    Raises:
        CorruptArchive: the data are too short, or a face names a vertex twice, which no encoder writes.
    """
    faces = read_connectivity(coder, count, connectivity_models())
    if is_lost(coder):
        raise CorruptArchive("the coded connectivity goes on behind its end")
    if (faces == np.roll(faces, 1, axis=1)).any():
        raise CorruptArchive("the coded connectivity is damaged: a face names a vertex twice")
    frame = scaffold(faces, int(faces.max()) + 1, plain)
    return lattice.points(read_vertices(coder, frame, lattice.count, lattice_weights(plain))), faces
