"""What an encoder of mesh sets is given: groups of shapes of one connectivity, and copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.binary_coder import Integers
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.similarity import Similarity
from necgs.mesh.symmetric_half import HalfTurn, Symmetry

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Refit = Callable[[int, Mask, Floats], Floats]
"""Shape of the group, coded vertices (v,) bool, positions (v, 3) as they are or will be -> new targets (v, 3)."""

MOST_FACES = 1 << 22
COARSEST = CUBE >> 1


@dataclass(frozen=True)
class Steps:
    """Quantisation of a group, in the cube's half sides.

    Args:
        lattice: of a shape that is coded by itself, in each coordinate.
        normal, tangential: of predicted shapes, along the surface's normal and tangents.
    """

    lattice: float
    normal: float
    tangential: float

    def __post_init__(self) -> None:
        for step in (self.lattice, self.normal, self.tangential):
            if not 1 <= round(step * CUBE) <= COARSEST:
                raise ValueError(f"a step of {step:g} cannot be coded: choose one between {1 / CUBE:g} and 0.5")


@dataclass(frozen=True)
class GroupInput:
    """Shapes with one face list.

    Args:
        faces: (f, 3) integers; every vertex in a face, no face with a vertex twice.
        targets: (n, v, 3) float64: where the vertices of each shape should be, in the cube [-1, 1]^3.
        steps: see `Steps`.
        shapes: (n,) places of the shapes in the archive.
        hessians: (n, v, 3, 3) or None: moving a vertex by d costs d^T H d / 2 of distortion.
        price: of a bit, in the unit of the distortion; 0: every code is the nearest one.
        refit: moves what is not coded yet, see `Refit`; None: targets stay.
        symmetry: of a shape alone in its group of which ``targets`` hold one part, see `necgs.mesh.symmetric_half`.
    """

    faces: Integers
    targets: Floats
    steps: Steps
    shapes: tuple[int, ...]
    hessians: Floats | None = None
    price: float = 0.0
    refit: Refit | None = None
    symmetry: Symmetry | HalfTurn | None = None

    def __post_init__(self) -> None:
        count, vertices = self.targets.shape[:2]
        if self.faces.ndim != 2 or self.faces.shape[1] != 3 or not 1 <= len(self.faces) <= MOST_FACES:
            raise ValueError(f"faces have shape {self.faces.shape}; (f, 3) with 1 to {MOST_FACES} faces is needed")
        if not np.array_equal(np.unique(self.faces), np.arange(vertices)):
            raise ValueError(f"faces must use each of the {vertices} vertices: remove unreferenced ones first")
        if len(self.shapes) != count or not count:
            raise ValueError(f"{len(self.shapes)} places are given for {count} shapes")
        if not np.isfinite(self.targets).all() or np.abs(self.targets).max() > 1.5:
            raise ValueError("targets must be finite and in the cube [-1, 1]^3: normalise the meshes first")
        if self.symmetry is not None and count != 1:
            raise ValueError("only a shape that is alone in its group can be coded by a part")


@dataclass(frozen=True)
class Copy:
    """A shape that equals another one up to a similarity.

    Args:
        shape: its place in the archive.
        original: the other one's place; not a copy itself.
        similarity: takes the original to the copy.
    """

    shape: int
    original: int
    similarity: Similarity
