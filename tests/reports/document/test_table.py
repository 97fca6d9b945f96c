import io

import pandas as pd
import pytest

from reports.document.table import Column, Table
from reports.run_data import RunData
from reports.sections.equal_bytes import frame_at_bytes
from reports.sections.equal_quality import frame_at
from reports.sections.rate_points import comparable_table, front, points_table, spread_table
from tests.reports.synthetic import Defects, write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    failing = [("octree", "r3", 1)]
    return RunData.load(write_run(tmp_path_factory.mktemp("run"), shapes=6, defects=Defects(failing=failing)).path)


def test_best_and_second_are_marked_within_their_group_only():
    frame = pd.DataFrame({"size": ["a", "a", "a", "b"], "cd": [3.0, 1.0, 2.0, 0.5], "nc": [0.1, 0.3, 0.3, 0.2]})
    table = Table(frame, (Column("cd", "CD", 1, "low"), Column("nc", "NC", 1, "high")), group="size")
    assert [line.split("|")[1].strip() for line in table.markdown().splitlines()[2:]] == [
        "3.0",
        "**1.0**",
        "*2.0*",
        "0.5",
    ]
    assert [line.split("|")[2].strip() for line in table.markdown().splitlines()[2:]] == [
        "*0.1*",
        "**0.3**",
        "**0.3**",
        "0.2",
    ]
    latex = table.latex("tab:x")
    assert r"\textbf{1.0} & \textbf{0.3}" in latex
    assert r"3.0 & \underline{0.1}" in latex
    assert latex.count(r"\midrule") == 2


def test_three_significant_digits_keep_their_zeros():
    frame = pd.DataFrame({"s": [7.2, 193.4, 0.05, 0.0, 999.7, 12345.6]})
    lines = Table(frame, (Column("s", "s", None),)).markdown().splitlines()[2:]
    assert [line.strip("| ") for line in lines] == ["7.20", "193", "0.0500", "0.00", "1000", "12346"]


def test_unranked_lines_carry_no_mark():
    frame = pd.DataFrame({"cd": [1.0, 2.0, 3.0]})
    table = Table(frame, (Column("cd", "CD", 1, "low"),), unranked=frame["cd"] == 1)
    assert "**2.0**" in table.markdown()
    assert "**1.0**" not in table.markdown()


def test_where_values_are_saturated_none_is_the_best():
    frame = pd.DataFrame({"size": ["a"] * 3 + ["b"] * 3, "cd": [3.5, 3.6, 5.0, 3.6, 6.0, 7.0], "cd_floor": 3.4})
    column = Column("cd", "CD", 1, "low")

    def cells(**options):
        lines = Table(frame, (column,), group="size", **options).markdown().splitlines()[2:]
        return [line.strip("| ") for line in lines]

    assert cells() == ["3.5≈", "3.6≈", "5.0", "3.6≈", "6.0", "7.0"]
    unranked = pd.Series([False, False, False, True, False, False])  # of line 4 shapes failed
    assert cells(unranked=unranked) == ["3.5≈", "3.6≈", "5.0", "3.6≈", "**6.0**", "*7.0*"]


def test_a_saturated_value_is_marked_and_its_floor_stands_in_the_spread_table(data):
    lines = points_table(data, "sample").markdown().splitlines()
    lossless = next(line for line in lines if "Lossless" in line)
    assert "≈" in lossless.split("|")[6]
    assert "≈" not in next(line for line in lines if "Octree" in line).split("|")[6]
    assert {"cd_floor", "f1_005_floor", "surface_cd_worst"} <= {c.name for c in spread_table(data, "sample").columns}


def test_latex_escapes_names_and_is_a_booktabs_table():
    frame = pd.DataFrame({"title": ["a_b & 5 %", "c\\^~"], "x": [1.0, 2.0]})
    latex = Table(frame, (Column("title", "Codec"), Column("x", "X_1", 1)), "100 % of it").latex("tab:y")
    for part in (
        r"a\_b \& 5 \%",
        r"c\textbackslash{}\textasciicircum{}\textasciitilde{}",
        r"X\_1",
        r"\toprule",
        r"\bottomrule",
        r"100 \% of it.",
        r"\label{tab:y}",
    ):
        assert part in latex


def test_csv_reads_back_to_the_values(data):
    table = points_table(data, "sample")
    back = pd.read_csv(io.StringIO(table.csv()))
    assert back["surface_cd"].to_numpy() == pytest.approx(table.frame["surface_cd"].to_numpy(), rel=1e-5)


def test_comparable_sizes_hold_at_least_two_codecs_and_never_the_control(data):
    table = comparable_table(data, "sample")
    assert table.frame.groupby("size")["codec"].nunique().min() >= 2
    assert "identity" not in set(table.frame["codec"])
    spread = table.frame.groupby("size")["bytes_per_shape"].agg(["min", "max"])
    assert (spread["max"] / spread["min"]).max() < 1.2**2
    assert {column.name for column in table.columns if column.better}.isdisjoint({"bytes_per_shape", "ratio"})


def test_a_single_codec_has_nothing_to_be_compared_with(tmp_path):
    assert comparable_table(RunData.load(write_run(tmp_path, codecs=["draco"], shapes=2).path), "sample") is None


def test_points_of_other_shapes_are_shown_with_their_count_and_win_nothing(data, tmp_path):
    # The hardest shapes are unmeasured: what is left has a smaller mean error than it ought to have.
    unmeasured = [("octree", f"r{rate}", index) for rate in range(1, 6) for index in range(3)]
    defects = Defects(error_factor={"octree": 0.01}, unmeasured=unmeasured)
    partial = RunData.load(write_run(tmp_path, shapes=6, defects=defects).path)
    for table in (points_table(partial, "sample"), comparable_table(partial, "sample")):
        assert "Unmeasured" in table.markdown()
        lines = [line for line in table.markdown().splitlines() if "Octree" in line]
        assert lines
        assert not any(mark in line for line in lines for mark in ("*", "•"))
    assert "octree" not in set(frame_at(partial, "sample", [0.1, 1.0, 10.0]).dropna()["codec"])
    assert not len(frame_at_bytes(partial, "sample", [2000.0]).query("codec == 'octree'"))
    assert "Unmeasured" not in points_table(data, "sample").markdown()


def test_the_front_is_what_no_other_codec_beats():
    frame = pd.DataFrame(
        {
            "codec": ["a", "a", "b", "b", "c", "d", "e", "identity"],
            "bytes": [10.0, 20.0, 10.0, 30.0, float("nan"), 5.0, 5.0, 25.0],
            "surface_cd": [2.0, 1.5, 1.0, 0.5, 0.1, 0.1, 0.1, 0.0],
            "cd": [3.0] * 8,
            "failed": [0] * 5 + [1, 0, 0],
            "unmeasured": [0] * 6 + [1, 0],
        }
    )
    assert front(frame).tolist() == [False, False, True, True, False, False, False, False]
