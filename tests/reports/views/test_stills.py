import numpy as np
import pytest
import trimesh

from reports.run_data import RunData
from reports.views.raycasting import Surface, field_of_view
from reports.views.stills import EYE, PIXELS, render, stills_figure
from reports.views.views import Panel, View, choose_shapes
from tests.reports.synthetic import Defects, write_run


def surface(mesh):
    return Surface(mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))


def panel(mesh, title="x"):
    return Panel(title, "r1", mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))


def test_distances_to_a_sphere_are_those_of_the_formula():
    sphere = trimesh.creation.icosphere(subdivisions=5)
    points = np.float32([[0, 0, 0], [2, 0, 0], [0, 0.25, 0], [0, 3, 4]])
    assert surface(sphere).distance(points) == pytest.approx([1, 1, 0.75, 4], abs=2e-3)


@pytest.mark.parametrize(("offset", "where"), [((0, 0.7, 0), "up"), ((0.7, 0, 0), "right")])
def test_y_is_up_and_x_to_the_right(offset, where):
    ball = trimesh.creation.icosphere(radius=0.2).apply_translation(offset)
    seen, points, cosine = surface(ball).look((0, 0, 4), 34, 64)
    rows, columns = np.nonzero(seen)
    assert (rows.mean() < 28) == (where == "up")
    assert (columns.mean() > 36) == (where == "right")
    assert np.linalg.norm(points - offset, axis=1) == pytest.approx(0.2, abs=0.02)
    assert cosine.max() == pytest.approx(1, abs=0.05)
    assert cosine.min() >= 0


def test_an_error_map_is_dark_on_the_original_and_bright_beyond_the_scale():
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=0.8)
    larger = trimesh.creation.icosphere(subdivisions=4, radius=0.84)
    same = render(panel(sphere), 34, panel(sphere), scale=10)
    far = render(panel(larger), 34, panel(sphere), scale=10)
    middle = PIXELS // 2
    assert same[middle, middle].sum() < far[middle, middle].sum()
    assert far[middle, middle, 0] > 0.8
    assert same.shape == (PIXELS, PIXELS, 3)
    assert same[0, 0].tolist() == [1, 1, 1]


def test_nothing_of_a_shape_that_fills_the_cube_is_cut_off():
    cube = panel(trimesh.creation.box((2, 2, 2)))
    degrees = field_of_view(EYE, cube.vertices)
    image = render(cube, 1.04 * degrees)
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert border.min() == 1
    # No wider than needed: what reaches farthest from the centre comes near the border.
    reach = np.abs(np.argwhere(image.min(axis=2) < 0.99) - PIXELS / 2).max()
    assert 0.92 * PIXELS / 2 < reach < PIXELS / 2
    assert field_of_view((0, 0, 2), np.float32([[1, 0, 1], [0, 0.5, 0]])) == pytest.approx(90)


def test_a_failed_panel_is_empty_and_says_so():
    sphere = trimesh.creation.icosphere(radius=0.8)
    lost = Panel("y", "r1", np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), failure="timeout")
    assert render(lost, 34).min() == 1
    figure = stills_figure([View("d", "s", "worst", (panel(sphere, "Original"), lost), 1.0)])
    assert "failed" in [text.get_text() for axes in figure.axes for text in axes.texts]
    assert stills_figure([]) is None


def test_the_worst_shape_is_one_that_failed_or_the_one_farthest_from_its_codecs_median(tmp_path):
    rates = [f"r{number}" for number in range(1, 6)]
    failing = Defects(failing=[("draco", rate, 4) for rate in rates])
    chosen = choose_shapes(
        RunData.load(write_run(tmp_path / "a", codecs=["draco"], shapes=6, defects=failing).path), "sample"
    )
    assert chosen["worst"] == "shape_04"
    data = RunData.load(write_run(tmp_path / "b", codecs=["draco", "octree"], shapes=6).path)
    errors = data.shapes[(data.shapes["codec"] == "draco") & (data.shapes["rate"] == "r1")].set_index("shape")[
        "surface_cd"
    ]
    chosen = choose_shapes(data, "sample")
    assert chosen["worst"] == errors.idxmax()
    assert chosen["best"] == errors.idxmin()
