import matplotlib
import numpy as np
import pytest

from reports.document.style import apart, legend_below, log_axis, looks, plain, tick
from reports.run_data import RunData
from reports.sections import rate_distortion as curves
from tests.reports.synthetic import Defects, write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    failing = [("octree", "r3", 1), ("octree", "r3", 2)]
    return RunData.load(write_run(tmp_path_factory.mktemp("run"), shapes=6, defects=Defects(failing=failing)).path)


def test_a_codec_keeps_its_look_whatever_else_is_drawn():
    alone = looks(["necgs"])["necgs"]
    assert looks(["draco", "vpcc", "necgs", "mine"])["necgs"] == alone
    assert looks(["mine"])["mine"] == looks(["draco", "mine"])["mine"]
    variant = looks(["necgs", "necgs:K=64"])
    assert variant["necgs"] == alone
    assert variant["necgs:K=64"].marker == alone.marker
    assert variant["necgs:K=64"].dashes != alone.dashes


def test_a_panel_holds_a_curve_per_codec_through_its_points(data):
    figure = curves.rate_distortion(data, curves.RATIO, (curves.CD,))
    axes = figure.axes[0]
    drawn = [line for line in axes.lines if len(line.get_xdata()) == 5]
    assert len(drawn) == 4
    octree = data.points[data.points["codec"] == "octree"].sort_values("ratio")
    assert any(list(line.get_xdata()) == pytest.approx(octree["ratio"].tolist()) for line in drawn)
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_a_penalty_does_not_flatten_the_other_curves_and_is_marked(data):
    axes = curves.rate_distortion(data, curves.RATIO, (curves.CD,)).axes[0]
    assert axes.get_ylim()[1] < 100
    assert data.points["cd"].max() > 100
    assert "2 failed" in [text.get_text() for text in axes.texts]
    assert sum(line.get_marker() == "x" for line in axes.lines) == 1


def test_floor_and_ceiling_of_the_sampled_metrics_are_drawn(data):
    cd, f1, surface = curves.rate_distortion(data, curves.BYTES, (curves.CD, curves.F1_005, curves.SURFACE)).axes
    assert "sampling floor" in [text.get_text() for text in cd.texts]
    assert "sampling ceiling" in [text.get_text() for text in f1.texts]
    assert not [text for text in surface.texts if "sampling" in text.get_text()]


def test_a_perfect_value_on_a_logarithmic_axis_stands_on_the_edge(data):
    axes = curves.rate_distortion(data, curves.BYTES, (curves.SURFACE,)).axes[0]
    assert "no error" in [text.get_text() for text in axes.texts]


def test_a_control_far_from_the_codecs_stands_on_the_edge_with_its_rate(tmp_path):
    data = RunData.load(write_run(tmp_path, shapes=4, codecs=["octree", "identity"]).path)
    lossless = data.points[data.points["codec"] == "identity"].iloc[0]
    for rate, edge in ((curves.BYTES, 1), (curves.RATIO, 0)):
        axes = curves.rate_distortion(data, rate, (curves.CD,)).axes[0]
        others = data.points.loc[data.points["codec"] == "octree", rate.column]
        assert axes.get_xlim()[1] / axes.get_xlim()[0] < 2 * others.max() / others.min()
        drawn = [line for line in axes.lines if list(line.get_xdata()) == pytest.approx([axes.get_xlim()[edge]])]
        assert len(drawn) == 1
        assert rate.unit.format(tick(lossless[rate.column])) in [text.get_text() for text in axes.texts]
    alone = RunData.load(write_run(tmp_path / "alone", shapes=2, codecs=["identity"]).path)
    low, high = curves.rate_distortion(alone, curves.BYTES, (curves.CD,)).axes[0].get_xlim()
    assert low < alone.points["bytes_per_shape"].iloc[0] < high


@pytest.mark.parametrize("rate", [curves.BYTES, curves.RATIO])
def test_what_is_written_of_a_control_lies_within_the_frame_and_on_no_point(data, rate):
    figure = curves.rate_distortion(data, rate, (curves.CD, curves.F1_005, curves.SURFACE))
    figure.draw_without_rendering()
    for axes in figure.axes:
        frame = axes.get_window_extent()
        for text in [text for text in axes.texts if ":1" in text.get_text() or "no error" in text.get_text()]:
            box = text.get_window_extent()
            assert frame.x0 <= box.x0 < box.x1 <= frame.x1
            assert frame.y0 <= box.y0 < box.y1 <= frame.y1
            for line in axes.lines:
                places = axes.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()]))
                assert not any(box.contains(*place) for place in places)


def test_a_point_with_unmeasured_shapes_is_a_cross_that_says_so(tmp_path):
    unmeasured = [("octree", "r2", index) for index in range(3)]
    run = write_run(tmp_path, codecs=["octree"], shapes=4, defects=Defects(unmeasured=unmeasured))
    axes = curves.rate_distortion(RunData.load(run.path), curves.BYTES, (curves.SURFACE,)).axes[0]
    assert sum(line.get_marker() == "x" for line in axes.lines) == 1
    assert "3 unmeasured" in [text.get_text() for text in axes.texts]


def test_one_legend_names_every_codec_once(data):
    figure = curves.rate_distortion(data)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [data.title(codec) for codec in data.codecs]
    assert all(axes.get_legend() is None for axes in figure.axes)


def test_a_legend_takes_one_row_where_its_columns_fit():
    def columns(labels):
        figure = matplotlib.figure.Figure(figsize=(6.9, 2))
        (line,) = figure.subplots().plot([0, 1])
        legend_below(figure, [line] * len(labels), labels)
        return figure.legends[0]._ncols

    assert columns(["NeCGS", "Draco", "Simplify + Draco", "QuantDeepSDF", "Octree", "Identity"]) == 6
    assert columns(["a codec with a long name"] * 6) == 3


def test_variants_of_one_codec_are_as_far_apart_as_codecs():
    found = apart([f"necgs:resolution={k}" for k in range(13)])
    assert len(set(found.values())) == 13
    assert len({look.marker for look in list(found.values())[:8]}) == 8


@pytest.mark.parametrize(("low", "high"), [(2.9, 3.1), (66, 130), (1, 9), (10, 400), (1e-3, 1e4)])
def test_a_logarithmic_axis_always_has_readable_ticks(low, high):
    axes = matplotlib.figure.Figure().subplots()
    log_axis(axes.yaxis, low, high)
    ticks = axes.get_yticks()
    assert 3 <= len(ticks) <= 10
    gaps = np.diff(np.log([low, *ticks, high]))
    assert gaps.max() < 0.55 * np.log(high / low)
    assert low <= min(ticks)
    assert max(ticks) <= high


def test_plain_numbers():
    assert [tick(x) for x in (120, 1500, 5000, 15_000)] == ["120", "1.5k", "5k", "15k"]
    assert [plain(x) for x in (0.02, 3.5, 120, 1500, 15_000, 2e6)] == ["0.02", "3.5", "120", "1500", "15k", "2M"]
