import numpy as np
import pytest
import trimesh
from mesh_datasets import load
from mesh_datasets.inspection import inspect, inspect_shapes

from tests.datasets.writers import write_obj


def _mesh(vertices, faces):
    return trimesh.Trimesh(vertices, faces, process=False)


SQUARE = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1]]


@pytest.mark.parametrize(
    ("vertices", "faces", "expected"),
    [
        (SQUARE, [[0, 1, 2], [0, 2, 3]], {"boundary_edges": 4, "components": 1, "unused_vertices": 2}),
        (SQUARE, [[0, 1, 2], [1, 0, 3], [0, 1, 4]], {"nonmanifold_edges": 1, "boundary_edges": 6}),
        (SQUARE, [[0, 1, 2], [1, 2, 0]], {"duplicate_faces": 1, "watertight": True}),
        (SQUARE, [[0, 1, 2], [2, 1, 0], [0, 2, 1]], {"duplicate_faces": 2, "nonmanifold_edges": 3}),
        (SQUARE, [[0, 0, 1], [0, 1, 2]], {"degenerate_faces": 1}),
        (SQUARE, [[0, 4, 5], [0, 1, 2]], {"degenerate_faces": 1}),
        (SQUARE, [[0, 1, 4], [2, 3, 5]], {"components": 2, "boundary_edges": 6}),
        (SQUARE, [[0, 1, 2], [0, 4, 5]], {"components": 1}),
    ],
)
def test_counts(vertices, faces, expected):
    report = inspect(_mesh(vertices, faces))
    assert {key: getattr(report, key) for key in expected} == expected


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_trimesh_and_brute_force(seed):
    sphere = trimesh.creation.icosphere(subdivisions=2)
    random = np.random.default_rng(seed)
    keep = random.random(len(sphere.faces)) > 0.3 * seed
    mesh = _mesh(sphere.vertices, sphere.faces[keep])
    report = inspect(mesh, "s")
    edges = {}
    for a, b, c in mesh.faces.tolist():
        for edge in ({a, b}, {b, c}, {c, a}):
            edges[frozenset(edge)] = edges.get(frozenset(edge), 0) + 1
    assert report.boundary_edges == sum(count == 1 for count in edges.values())
    assert report.watertight == mesh.is_watertight
    parts = trimesh.graph.connected_components(mesh.edges, nodes=np.unique(mesh.faces))
    assert report.components == len(parts)
    assert report.unused_vertices == len(mesh.vertices) - len(np.unique(mesh.faces))


def test_an_invalid_shape_is_a_line_of_the_report(tmp_path):
    write_obj(tmp_path / "a.obj")
    (tmp_path / "b.obj").write_text("v 0 0 0\n")
    good, bad = inspect_shapes(load(f"folder:{tmp_path}"))
    assert (good.vertices, good.faces, good.watertight, good.error) == (4, 4, True, "")
    assert bad.source_bytes == 8
    assert "b.obj: no triangles" in bad.error
