"""All metrics for two mesh files."""

from __future__ import annotations

from pathlib import Path

from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol


def measure_files(reference: Path, decoded: Path, protocol: Protocol) -> dict[str, float]:
    """Measure the mesh in file ``decoded`` against that in file ``reference``.

    Both are moved by the transformation that brings the reference into the cube [-1, 1]^3, so they must be in the
    same coordinates. Returns what `bench.metrics.measure.measure` returns.

    Raises:
        mesh_datasets.errors.InvalidShape: a file that holds no usable mesh, or none that can be measured; the message
            names it.
    """
    import trimesh
    from mesh_datasets.errors import InvalidShape
    from mesh_datasets.mesh_file import read_mesh
    from mesh_datasets.normalization import normalize

    normalised, transformation = normalize(read_mesh(reference), str(reference))
    mesh = read_mesh(decoded)
    # Not `transformation.apply`, which clips to the cube: what sticks out of it is part of the error.
    vertices = (mesh.vertices - transformation.center) * transformation.scale
    try:
        return measure(normalised, trimesh.Trimesh(vertices, mesh.faces, process=False), protocol)
    except ValueError as error:
        raise InvalidShape(f"{decoded} against {reference}: {error}") from None
