"""All metrics for two mesh files."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol

if TYPE_CHECKING:
    from trimesh import Trimesh

_GAP = 100
"""Sizes that differ by so much are hardly meant to be compared."""

_PAIRS = 10_000_000
"""Pairs of a sample and a triangle that take some seconds: from amidst a surface, no search tells triangles apart."""


@dataclass(frozen=True)
class FileComparison:
    """What was measured.

    Args:
        values: what `bench.metrics.measure.measure` returns.
        protocol: how it was measured.
        hint: what makes the two meshes doubtful to compare; empty where nothing does.
    """

    values: dict[str, float]
    protocol: Protocol
    hint: str


def measure_files(reference: Path, decoded: Path, protocol: Protocol) -> FileComparison:
    """Measure the mesh in file ``decoded`` against that in file ``reference``.

    Both are moved by the transformation that brings the reference into the cube [-1, 1]^3, so they must be in the
    same coordinates. Where their sizes differ by a factor of 100 or more, fewer samples are drawn.

    Raises:
        mesh_datasets.errors.InvalidShape: a file that holds no usable mesh, or none that can be measured; the message
            names it.
    """
    import trimesh
    from mesh_datasets.errors import InvalidShape
    from mesh_datasets.mesh_files.reading import read_mesh
    from mesh_datasets.normalization import normalize

    normalised, transformation = normalize(read_mesh(reference), str(reference))
    mesh = read_mesh(decoded)
    # Not `transformation.apply`, which clips to the cube: what sticks out of it is part of the error.
    vertices = (mesh.vertices - transformation.center) * transformation.scale
    moved = trimesh.Trimesh(vertices, mesh.faces, process=False)
    if hint := _doubt(normalised, moved):
        most = max(_PAIRS // max(len(normalised.faces), len(moved.faces)), 16)
        protocol = dataclasses.replace(protocol, samples=min(protocol.samples, most))
        hint += f"; measured with {protocol.samples} samples"
    try:
        return FileComparison(measure(normalised, moved, protocol, largest=math.inf), protocol, hint)
    except ValueError as error:
        raise InvalidShape(f"{decoded} against {reference}: {error}") from None


def _doubt(reference: Trimesh, decoded: Trimesh) -> str:
    """What speaks against one scale or one place of two meshes, the first of which is normalised."""
    factor = float(decoded.extents.max() / reference.extents.max())
    if factor >= _GAP or factor <= 1 / _GAP:
        words = f"{factor:,.4g} times as large as" if factor > 1 else f"{1 / factor:,.4g} times smaller than"
        return f"the second mesh is {words} the first: are both in the same units?"
    if abs(decoded.bounds - reference.bounds).max() >= _GAP:
        return "the second mesh lies more than 50 lengths away from the first: are both in the same coordinates?"
    return ""
