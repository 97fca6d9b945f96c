import itertools

import numpy as np
import pytest
from mesh_datasets.mesh_files.polygons import strips, triangulate

TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]


def lifted(outline, far=0.0):
    """A flat outline somewhere in space."""
    return np.column_stack([np.asarray(outline, float), np.zeros(len(outline))]) @ TURN + far


def signed_areas(points, faces, normal):
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a) @ normal / 2


def star(points):
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return [((0.3 + 0.7 * (i % 2)) * np.cos(t), (0.3 + 0.7 * (i % 2)) * np.sin(t)) for i, t in enumerate(angles)]


OUTLINES = {
    "l": [(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3)],
    "dart": [(0, 0), (2, 1), (0, 2), (1, 1)],
    "spiral": [(0, 0), (5, 0), (5, 5), (1, 5), (1, 2), (3, 2), (3, 3), (2, 3), (2, 4), (4, 4), (4, 1), (0, 1)],
    "frame, cut open": [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)],
    "star": star(40),
    "corners on edges": [(0, 0), (1, 0), (2, 0), (2, 2), (1, 2), (1, 1), (0, 1)],
}


@pytest.mark.parametrize("far", [0.0, 5e5])
@pytest.mark.parametrize("name", OUTLINES)
def test_triangles_stay_inside_however_the_polygon_is_turned(name, far):
    outline = np.array(OUTLINES[name], float)
    x, y = outline.T
    area = (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2
    points = lifted(outline, far)
    for first in range(len(outline)):
        corners = np.roll(np.arange(len(outline)), first)
        faces = triangulate(points, corners, np.array([len(corners)]))
        areas = signed_areas(points, faces, TURN[2] * np.linalg.det(TURN))
        assert len(faces) == len(outline) - 2
        assert areas.min() > -1e-8
        np.testing.assert_allclose(areas.sum(), area, rtol=1e-8)


def test_convex_polygons_are_cut_as_ever():
    angles = np.linspace(0, 2 * np.pi, 7, endpoint=False)
    points = np.column_stack([np.cos(angles), np.sin(angles), 0 * angles])
    corners, sizes = np.array([0, 2, 4, 0, 1, 2, 3, 6, 0, 1, 2, 3, 4, 5]), np.array([3, 4, 7])
    quad, fan = [[0, 1, 2], [2, 3, 0]], [[6, 0, 1], [6, 1, 2], [6, 2, 3], [6, 3, 4], [6, 4, 5]]
    np.testing.assert_array_equal(triangulate(points, corners, sizes), [[0, 2, 4], *quad, *fan])


def test_polygons_without_an_inside_keep_their_fan():
    crossing = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]], float)
    np.testing.assert_array_equal(triangulate(crossing, np.arange(4), np.array([4])), [[0, 1, 2], [2, 3, 0]])
    np.testing.assert_array_equal(triangulate(np.zeros((5, 3)), np.arange(5), np.array([5]))[:, 0], 0)


def test_points_and_lines_give_no_triangles():
    points = np.eye(3)
    np.testing.assert_array_equal(triangulate(points, np.array([0, 1, 0, 1, 2]), np.array([2, 3, 0])), [[0, 1, 2]])


def test_an_index_out_of_range_is_refused():
    with pytest.raises(ValueError, match="run from 0 to 3, but there are 3"):
        triangulate(np.eye(3), np.array([0, 1, 2, 3]), np.array([4]))


def test_strips_turn_every_second_triangle_and_begin_anew():
    np.testing.assert_array_equal(strips(np.array([0, 1, 2, 3, -1, 4, 5, 6])), [[0, 1, 2], [2, 1, 3], [4, 5, 6]])
    joined = strips(np.array([0, 1, 2, 2, 3, 3, 4, 5]))
    assert all(len(set(face)) == 3 for face in joined.tolist())
    edges = list(itertools.chain(*[[(f[i], f[(i + 1) % 3]) for i in range(3)] for f in joined.tolist()]))
    assert len(set(edges)) == len(edges)
