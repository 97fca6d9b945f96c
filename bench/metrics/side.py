"""One of two surfaces that are compared, with what is searched in it."""

from __future__ import annotations

from dataclasses import dataclass
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
        surface: its triangles.
        samples: points on them.
    """

    surface: Triangles
    samples: Samples

    @classmethod
    def of(cls, mesh: Trimesh, protocol: Protocol, stream: int, side: int, largest: float = LARGEST_COORDINATE) -> Side:
        """That of a mesh, `REFERENCE` or `DECODED`, of the shape with this number; raises as `Triangles.of`."""
        surface = Triangles.of(mesh, ("the reference", "the decoded mesh")[side], largest)
        return cls(surface, sample_surface(surface, protocol.samples, generator(protocol.seed, stream, side)))

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
