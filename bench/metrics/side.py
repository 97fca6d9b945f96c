"""One of two surfaces that are compared, and the references that a process that measures many jobs keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from bench.metrics.closest_triangle import TriangleTree
from bench.metrics.deviation import Deviation, sample_tree, to_samples, to_triangles
from bench.metrics.protocol import Protocol
from bench.metrics.sampling import Samples, generator, sample_surface
from bench.metrics.triangles import LARGEST_COORDINATE, Triangles

if TYPE_CHECKING:
    from pykdtree.kdtree import KDTree
    from trimesh import Trimesh

REFERENCE, DECODED = 0, 1
"""Which of the two a surface is: they draw from different streams."""


@dataclass(frozen=True)
class Side:
    """A surface with what is searched in it, which is made when it is first needed and then kept.

    Args:
        mesh: the surface as it came.
        surface: its triangles.
        samples: points on them.
    """

    mesh: Trimesh
    surface: Triangles
    samples: Samples

    @classmethod
    def of(cls, mesh: Trimesh, protocol: Protocol, stream: int, side: int, largest: float = LARGEST_COORDINATE) -> Side:
        """That of a mesh, `REFERENCE` or `DECODED`, of the shape with this number; raises as `Triangles.of`."""
        surface = Triangles.of(mesh, ("the reference", "the decoded mesh")[side], largest)
        return cls(mesh, surface, sample_surface(surface, protocol.samples, generator(protocol.seed, stream, side)))

    def deviations(self, target: Side, threads: int = 1) -> tuple[Deviation, Deviation]:
        """How far the samples lie from another side's samples, and from its triangles."""
        points, nearest = to_samples(self.samples, target.samples, target.sample_tree)
        near = target.samples.faces[nearest]
        return points, to_triangles(self.samples, target.surface, target.triangle_tree, threads, near)

    @cached_property
    def sample_tree(self) -> KDTree:
        """Of the samples."""
        return sample_tree(self.samples)

    @cached_property
    def triangle_tree(self) -> TriangleTree:
        """Of the triangles."""
        return TriangleTree.of(self.surface.vertices, self.surface.faces)

    @property
    def nbytes(self) -> int:
        """About what it holds, with both trees."""
        vertices, faces, samples = len(self.surface.vertices), len(self.surface.faces), len(self.samples)
        return 48 * vertices + 288 * faces + 100 * samples


@dataclass
class KeptSides:
    """References that were measured with and may be again, up to a number of bytes; the first ones stay.

    Jobs of a run measure the same references in the same order: of a set that is too large, the last to come would
    throw out the first before they are asked for again.
    """

    capacity: float
    _sides: dict[tuple[str, Protocol, int], Side] = field(default_factory=dict)
    _bytes: int = 0

    def get(self, name: str, protocol: Protocol, stream: int, read: Callable[[], Trimesh]) -> Side:
        """The reference of this name, which says what it holds, as kept or made of what ``read`` returns."""
        key = (name, protocol, stream)
        found = self._sides.get(key)
        if found is None:
            found = Side.of(read(), protocol, stream, REFERENCE)
            if self._bytes + found.nbytes <= self.capacity:
                self._sides[key] = found
                self._bytes += found.nbytes
        return found
