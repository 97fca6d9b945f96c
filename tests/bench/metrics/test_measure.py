import math

import numpy as np
import pytest
import trimesh

from bench.metrics.deviation import from_points, mean_distance
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from bench.metrics.sampling import generator, sample_surface
from bench.metrics.triangles import EmptySurface, Triangles

QUICK = Protocol(samples=20_000)


def sheet(width=1.0, height=1.0, cells=10, at=(0.0, 0.0, 0.0)):
    """A flat grid in the plane z = at[2]."""
    x, y = np.meshgrid(np.linspace(0, width, cells + 1), np.linspace(0, height, cells + 1), indexing="ij")
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1) + at
    corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    a, b, c, d = corner, corner + cells + 1, corner + cells + 2, corner + 1
    return trimesh.Trimesh(vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]), process=False)


@pytest.fixture(scope="module")
def torus():
    return trimesh.creation.torus(0.7, 0.3, major_sections=60, minor_sections=30)


def test_surface_error_of_a_mesh_with_itself_is_zero(torus):
    values = measure(torus, torus, QUICK)
    assert values["surface_max"] < 1e-6
    assert values["surface_nc"] == pytest.approx(1, abs=1e-6)
    assert values["surface_f1_005"] == values["surface_f1_01"] == 1.0
    assert values["reference_area"] == values["decoded_area"] == pytest.approx(torus.area)


def test_parallel_planes():
    values = measure(sheet(), sheet(at=(0, 0, 0.007)), QUICK)
    assert values["surface_cd"] == pytest.approx(7)
    assert values["surface_p95"] == pytest.approx(7)
    assert values["surface_max"] == pytest.approx(7)
    assert (values["surface_f1_005"], values["surface_f1_01"]) == (0.0, 1.0)
    assert values["f1_005"] == 0.0
    assert values["nc"] == values["surface_nc"] == pytest.approx(1)
    assert values["cd"] > 7


def test_shifted_planes():
    # Half of each plane hangs over; there the distance grows from 0 to 0.5.
    values = measure(sheet(), sheet(at=(0.5, 0, 0)), Protocol(samples=100_000))
    assert values["surface_cd"] == pytest.approx(125, rel=0.02)
    assert values["surface_p95"] == pytest.approx(450, rel=0.02)
    assert values["surface_max"] == pytest.approx(500, rel=0.001)
    assert values["surface_f1_01"] == pytest.approx(0.51, abs=0.01)


def test_concentric_spheres():
    inner, outer = (trimesh.creation.icosphere(subdivisions=5, radius=r) for r in (0.9, 0.92))
    values = measure(inner, outer, QUICK)
    assert values["surface_cd"] == pytest.approx(20, rel=0.01)
    assert values["surface_nc"] > 0.999
    assert values["decoded_area"] / values["reference_area"] == pytest.approx((0.92 / 0.9) ** 2)
    assert values["saturated"] == 0.0


def test_normals_are_compared_without_sign():
    flat, upright = sheet(), sheet()
    upright.apply_transform(trimesh.transformations.rotation_matrix(math.pi / 2, [1, 0, 0]))
    flipped = trimesh.Trimesh(flat.vertices, flat.faces[:, ::-1], process=False)
    assert measure(flat, flipped, QUICK)["nc"] == pytest.approx(1)
    assert measure(flat, upright, QUICK)["surface_nc"] == pytest.approx(0, abs=1e-9)


def test_one_box_of_two_is_found_by_one_direction_only():
    near, far = trimesh.creation.box((0.2, 0.2, 0.2)), trimesh.creation.box((0.2, 0.2, 0.2))
    far.apply_translation((1, 0, 0))
    both = trimesh.util.concatenate([near, far])
    values = measure(both, near, QUICK)
    assert values["surface_f1_01"] == pytest.approx(2 * 1 * 0.5 / 1.5, abs=0.01)
    assert values["surface_max"] == pytest.approx(1000, rel=0.03)


def test_shared_random_numbers_would_flatter_a_codec_that_keeps_connectivity(torus):
    # The trap that independent streams avoid: 14-bit quantisation looks several times better than it can.
    step = 2 / (2**14 - 1)
    decoded = trimesh.Trimesh(np.round(torus.vertices / step) * step, torus.faces, process=False)
    a, b = Triangles.of(torus, "a"), Triangles.of(decoded, "b")
    pair = [sample_surface(surface, 20_000, generator(0, 0, 0)) for surface in (a, b)]
    shared = 1e3 * mean_distance(from_points(pair[0], pair[1]), from_points(pair[1], pair[0]))
    values = measure(torus, decoded, QUICK)
    assert shared < values["cd_floor"] / 4
    assert values["cd"] > 0.95 * values["cd_floor"]
    assert 0 < values["surface_cd"] < 0.1


def test_is_reproducible_and_draws_anew_for_each_shape(torus):
    decoded = trimesh.creation.torus(0.69, 0.3)
    protocol = Protocol(samples=2000)
    once = measure(torus, decoded, protocol)
    assert once == measure(torus, decoded, protocol)
    assert once == measure(torus, decoded, protocol, threads=2)
    assert once["cd"] != measure(torus, decoded, protocol, stream=1)["cd"]
    assert once["cd"] != measure(torus, decoded, Protocol(samples=2000, seed=1))["cd"]


def test_exchanging_the_meshes_changes_nothing_but_the_sample(torus):
    decoded = trimesh.creation.torus(0.69, 0.28)
    forth, back = measure(torus, decoded, QUICK), measure(decoded, torus, QUICK)
    for key in set(forth) - {"reference_area", "decoded_area", "surface_max", "f1_005", "surface_f1_005"}:
        assert forth[key] == pytest.approx(back[key], rel=0.02), key


def test_input_is_left_alone_and_nothing_is_nan():
    slivers = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1e-9, 0], [0, 0, 0]], [[0, 1, 2], [0, 3, 1]], process=False)
    before = slivers.vertices.copy(), slivers.faces.copy()
    values = measure(slivers, sheet(), Protocol(samples=1000))
    assert all(math.isfinite(v) for v in values.values())
    np.testing.assert_array_equal(slivers.vertices, before[0])
    np.testing.assert_array_equal(slivers.faces, before[1])


def test_unusable_meshes_are_refused_by_name(torus):
    broken = trimesh.Trimesh(torus.vertices.copy(), torus.faces, process=False)
    broken.vertices[5, 0] = np.nan
    with pytest.raises(ValueError, match="the decoded mesh has coordinates that are not finite"):
        measure(torus, broken, QUICK)
    with pytest.raises(EmptySurface, match="the reference has no faces"):
        measure(trimesh.Trimesh(), torus, QUICK)


def test_decoded_points_are_measured_where_a_codec_hands_them_out(torus):
    decoded = torus.copy()
    decoded.metadata.update(points=np.asarray(torus.vertices), point_bits=6)
    values = measure(torus, decoded, Protocol(samples=1000))
    assert 20 < values["d1_psnr"] < values["d2_psnr"]
