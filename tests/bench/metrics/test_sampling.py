import numpy as np
import trimesh

from bench.metrics.sampling import generator, sample_surface
from bench.metrics.triangles import Triangles


def three_triangles():
    """Areas 1 : 2 : 7, in three parallel planes, with one face of no area between them."""
    base = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=float)
    vertices = np.concatenate([base * np.sqrt(a) + [0, 0, z] for a, z in ((1, 0), (2, 1), (7, 2))])
    return Triangles.of(trimesh.Trimesh(vertices, [[0, 1, 2], [3, 3, 4], [3, 4, 5], [6, 7, 8]], process=False), "it")


def test_shares_follow_the_areas():
    points = sample_surface(three_triangles(), 100_000, np.random.default_rng(1)).points
    shares = np.bincount(points[:, 2].astype(int)) / len(points)
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.7], atol=0.006)  # four standard deviations


def test_points_are_uniform_within_a_triangle():
    triangle = Triangles.of(trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False), "it")
    x, y, z = sample_surface(triangle, 100_000, np.random.default_rng(2)).points.T
    assert min(x.min(), y.min(), (1 - x - y).min()) >= 0
    assert not z.any()
    # Moments of the uniform density 2 on the unit triangle.
    np.testing.assert_allclose([x.mean(), y.mean()], 1 / 3, atol=0.004)
    np.testing.assert_allclose([(x * x).mean(), (y * y).mean(), (x * y).mean()], [1 / 6, 1 / 6, 1 / 12], atol=0.004)


def test_normals_are_those_of_the_faces():
    box = Triangles.of(trimesh.creation.box((1, 1, 1)), "it")
    samples = sample_surface(box, 1000, np.random.default_rng(3))
    np.testing.assert_allclose(np.einsum("ij,ij->i", samples.points, samples.normals), 0.5)


def test_streams_are_reproducible_and_independent():
    draws = {key: generator(*key).random(4).tolist() for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]}
    assert generator(0, 0, 0).random(4).tolist() == draws[0, 0, 0]
    assert len({tuple(d) for d in draws.values()}) == 4


def test_points_are_those_of_the_formula_in_whole_arrays():
    surface = Triangles.of(trimesh.creation.icosphere(2), "it")
    samples = sample_surface(surface, 3000, np.random.default_rng(5))
    random = np.random.default_rng(5)
    cumulative = np.cumsum(surface.areas)
    face = np.searchsorted(cumulative, np.sort(random.random(3000)) * cumulative[-1], side="right")
    root, along = np.sqrt(random.random(3000))[:, None], random.random(3000)[:, None]
    a, b, c = (surface.vertices[surface.faces[face, corner]] for corner in range(3))
    np.testing.assert_array_equal(samples.points, a + root * (b - a) + (root * along) * (c - b))
    np.testing.assert_array_equal(samples.normals, surface.normals[face])
