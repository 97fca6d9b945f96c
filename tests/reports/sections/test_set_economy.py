"""The ledger, amortisation, and rate at equal quality: what a set codec costs and saves."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bench.results.set_sizes import SetSize, append
from reports.run_data import RunData
from reports.sections.amortisation import amortisation_figure, break_even, break_even_table, measured_sizes_table
from reports.sections.equal_quality import equal_quality_figure, equal_quality_table, frame_at, targets
from reports.sections.ledger import ledger_figure, ledger_frame, ledger_table
from tests.reports.synthetic import LAWS, write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return RunData.load(write_run(tmp_path_factory.mktemp("run"), shapes=24).path)


@pytest.fixture(scope="module")
def meshes_only(tmp_path_factory):
    return RunData.load(write_run(tmp_path_factory.mktemp("run"), shapes=4, codecs=["draco", "identity"]).path)


def test_the_ledger_adds_up_to_each_archive(data):
    frame = ledger_frame(data, "sample")
    sums = frame.groupby(["codec", "rate"])["share"].sum()
    assert sums.to_numpy() == pytest.approx(1.0)
    assert len(sums) == 21


def test_bars_are_stacked_to_the_whole(data):
    (axes,) = ledger_figure(data).axes
    tops = {}
    for bar in axes.patches:
        tops[bar.get_x()] = max(tops.get(bar.get_x(), 0), bar.get_y() + bar.get_height())
    assert len(tops) == 21
    assert list(tops.values()) == pytest.approx([1.0] * 21)
    assert ledger_table(data, "sample").markdown().count("NeCGS") == 5


def titles_of_bars(data, figure):
    figure.draw_without_rendering()
    titles = {data.title(codec) for codec in data.codecs}
    return [text for text in figure.axes[0].texts if text.get_text() in titles]


def test_titles_of_the_bars_do_not_lie_on_each_other(data, tmp_path, monkeypatch):
    level = titles_of_bars(data, ledger_figure(data))
    boxes = [text.get_window_extent() for text in level]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    # A bar each, under long names: too narrow for level titles.
    codecs = [f"draco:{setting}=on" for setting in ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")]
    for codec in codecs:
        monkeypatch.setitem(LAWS, codec, replace(LAWS["draco"], shared=[100] * 5))
    narrow = RunData.load(write_run(tmp_path, shapes=2, rates=1, codecs=codecs).path)
    slanted = titles_of_bars(narrow, ledger_figure(narrow))
    assert len(slanted) == 7
    assert all(text.get_rotation() > 0 for text in slanted)
    figure = slanted[0].get_figure()
    height = slanted[0].get_fontsize() * figure.dpi / 72
    places = [text.get_transform().transform(text.get_position())[0] for text in slanted]
    assert np.diff(places).min() * np.sin(np.radians(slanted[0].get_rotation())) > height


def test_break_even_is_where_both_take_the_same_bytes(data):
    frame = break_even(data, "sample").dropna(subset=["sets"])
    line = frame[np.isfinite(frame["sets"])].iloc[0]
    assert line["shared"] + line["sets"] * line["marginal"] == pytest.approx(line["sets"] * line["other_size"])
    assert set(frame["codec"]) == {"necgs"}
    assert "necgs" not in set(frame["other"])


def test_the_measured_point_lies_on_the_curve_of_the_figure(data):
    axes = amortisation_figure(data, "sample").axes[0]
    curve, marker = axes.lines[0], axes.lines[1]
    (size,), (measured,) = marker.get_xdata(), marker.get_ydata()
    assert size == 24
    assert np.interp(size, curve.get_xdata(), curve.get_ydata()) == pytest.approx(measured, rel=1e-2)


def test_set_codecs_have_a_panel_each_under_one_legend_and_one_number(tmp_path, monkeypatch):
    for name in ("meshset", "hybrid"):
        monkeypatch.setitem(LAWS, name, LAWS["necgs"])
    codecs = ["necgs", "meshset", "hybrid", "draco", "draco-simplify", "octree"]
    figure = amortisation_figure(RunData.load(write_run(tmp_path, shapes=12, codecs=codecs).path), "sample")
    assert len(figure.axes) == 3
    assert [axes.get_title().split()[0] for axes in figure.axes] == ["NeCGS", "Meshset", "Hybrid"]
    assert not any(axes.get_legend() for axes in figure.axes)
    assert len(figure.legends[0].get_texts()) == len({text.get_text() for text in figure.legends[0].get_texts()}) > 3
    for axes in figure.axes:
        hollow = [line.get_xdata()[0] for line in axes.lines if line.get_markerfacecolor() == "white"]
        assert [text.get_text() for text in axes.texts] == [f"$n$ = {np.ceil(max(hollow)):.0f}"]


def test_codecs_that_share_nothing_have_no_break_even(meshes_only):
    assert break_even_table(meshes_only, "sample") is None
    assert amortisation_figure(meshes_only, "sample") is None
    assert ledger_figure(meshes_only) is None
    assert ledger_table(meshes_only, "sample") is None


def test_targets_are_reached_by_two_codecs_at_least(data):
    errors = targets(data, "sample")
    assert errors == sorted(errors, reverse=True)
    assert frame_at(data, "sample", errors).groupby("error")["bytes_per_shape"].count().min() >= 2


def test_the_cheapest_codec_is_marked_at_each_error(data):
    table = equal_quality_table(data, "sample")
    assert "identity" not in table.markdown()
    for column in table.columns[1:]:
        best = table.frame[column.name].min()
        assert f"**{best:,.0f}**" in table.markdown()


def test_a_point_per_codec_and_error_that_it_reaches(data):
    figure = equal_quality_figure(data)
    sizes = [size for line in figure.axes[0].lines if line.get_linestyle() == "None" for size in line.get_ydata()]
    assert len(sizes) == frame_at(data, "sample", targets(data, "sample"))["bytes_per_shape"].count()


def test_the_control_alone_has_no_equal_quality(tmp_path):
    alone = RunData.load(write_run(tmp_path, shapes=2, codecs=["identity"]).path)
    assert equal_quality_figure(alone) is None
    assert equal_quality_table(alone, "sample") is None


def test_measured_set_sizes_stand_in_figure_and_table(tmp_path):
    run = write_run(tmp_path, shapes=24)
    for rate in ("r1", "r2", "r3", "r4", "r5"):
        for shapes in (4, 8, 16):
            append(run.path, SetSize("sample", "necgs", rate, shapes, 0, 5000 + 700 * shapes, 5000, 4.0, 4, 8.0, 0.8))
    data = RunData.load(run.path)
    axes = amortisation_figure(data, "sample").axes[0]
    drawn = [line for line in axes.lines if list(line.get_xdata()) == [4, 8, 16]]
    assert [list(line.get_ydata()) for line in drawn] == [[5000 / n + 700 for n in (4, 8, 16)]]
    frame = measured_sizes_table(data, "sample").frame
    assert frame["said"].to_list() == pytest.approx(frame["bytes"].to_list())
    assert frame["encode"].to_list() == pytest.approx(5 * [2.0] + 5 * [1.0] + 5 * [0.5])
    assert measured_sizes_table(RunData.load(write_run(tmp_path / "other", shapes=4).path), "sample") is None
