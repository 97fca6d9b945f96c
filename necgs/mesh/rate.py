"""The settings of the codec ``meshset``: one validated record. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.codec import Rate
from necgs.setting_checks import check_positive, check_switch, check_whole

MOST_FACES = 1 << 22
FACES = (300, 500, 1000, 2000, 3000, 6000)
LADDER: Mapping[str, Mapping[str, Any]] = {f"f{faces}": {"faces": faces} for faces in FACES}
"""The rate points, from the smallest archive to the largest."""


@dataclass(frozen=True)
class MeshSetRate(Rate):
    """Settings of one rate point of ``meshset``. Steps are multiples of a group's surface error after the fit.

    Args:
        faces: to which a shape is decimated; its topology is kept, so it may keep more. With ``balance`` this is about
            the mean over the set.
        step: quantisation of a predicted vertex along the surface's normal.
        tangential: the same along the surface.
        lattice: quantisation of a shape that is coded by itself, in each coordinate.
        lambda_: ``lambda`` outside Python: what one bit for every vertex may add to the surface error, as a share of
            it; 0: codes are the nearest ones.
        fit: whether vertices are moved to where the surface error is least, and those of predicted shapes moved again
            while they are coded.
        groups: whether shapes of one face list are coded together.
        symmetry: whether of a shape with mirror symmetry or a half turn only one part is coded.
        copies: whether a shape that equals another up to a similarity transform or a mirror refers to that.
        balance: whether shapes that need more faces get them from those that need fewer, for the least mean error.

    Raises:
        ValueError: a setting out of range, naming it.
    """

    faces: int = 1000
    step: float = 4.0
    tangential: float = 16.0
    lattice: float = 3.0
    lambda_: float = 0.44
    fit: bool = True
    groups: bool = True
    symmetry: bool = True
    copies: bool = True
    balance: bool = True

    def __post_init__(self) -> None:
        check_whole("faces", self.faces, MOST_FACES)
        for name in ("step", "tangential", "lattice"):
            check_positive(name, getattr(self, name), 1000)
        if self.lambda_ != 0:
            check_positive("lambda", self.lambda_, 1000)
        for name in ("fit", "groups", "symmetry", "copies", "balance"):
            check_switch(name, getattr(self, name))
