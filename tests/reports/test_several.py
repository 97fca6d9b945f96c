import json
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.results.meshes import MeshesUnavailable
from reports.run_data import RunData
from reports.sections.bd_rate import choose_anchor
from reports.sections.provenance import what_was_run
from reports.several import MeshesBeside, NotComparable, beside, only, run_names
from reports.site import grouped, standing
from tests.reports.synthetic import Defects, write_run


def loaded(path, **options):
    return RunData.load(write_run(path, **({"shapes": 4, "rates": 4} | options)).path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    before = loaded(folder / "before", codecs=["draco-simplify", "octree"])
    after = loaded(folder / "after", codecs=["draco-simplify", "necgs"], defects=Defects({"draco-simplify": 0.5}))
    return [before, after]


def test_a_codec_of_both_runs_is_there_twice_with_the_numbers_of_each(runs):
    data = beside(runs).data
    assert data.codecs == ["necgs", "draco-simplify:run=after", "draco-simplify:run=before", "octree"]
    assert data.title("draco-simplify:run=after") == "Decimate + Draco (run=after)"
    assert len(data.rows) == sum(len(run.rows) for run in runs)
    for run, name in zip(runs, ("before", "after"), strict=True):
        own = run.points[run.points["codec"] == "draco-simplify"]
        shown = data.points[data.points["codec"] == f"draco-simplify:run={name}"]
        assert shown["bytes_per_shape"].tolist() == own["bytes_per_shape"].tolist()
    assert choose_anchor(data, "sample").startswith("draco-simplify")
    assert any("Run before:" in str(block) for block in what_was_run(data))
    assert [row["codec"] for row in runs[0].rows if ":" in row["codec"]] == []  # the runs themselves stay


def test_runs_of_other_shapes_or_another_protocol_are_refused_with_the_reason(tmp_path, runs):
    with pytest.raises(NotComparable, match=r"4 in .*before, 6 in .*six"):
        beside([runs[0], loaded(tmp_path / "six", codecs=["draco"], shapes=6)])
    other = loaded(tmp_path / "mesh", codecs=["draco"])
    other.manifest["shapes"][2]["sha256"] = "0" * 64
    with pytest.raises(NotComparable, match="shape_02 is another mesh"):
        beside([runs[0], other])
    foreign = loaded(tmp_path / "foreign", codecs=["draco"], dataset="ama")
    with pytest.raises(NotComparable, match="no data set is in both"):
        beside([runs[0], foreign])
    measured = loaded(tmp_path / "protocol", codecs=["draco"])
    for row in measured.rows:
        row["protocol"] = "sampled+surface-2"
    with pytest.raises(NotComparable, match="protocol sampled"):
        beside([runs[0], measured])


def test_folders_of_one_name_get_their_parents(tmp_path):
    assert run_names([Path("a/run"), Path("b/other:x")]) == ["run", "other-x"]
    assert run_names([Path("/a/run"), Path("/b/run")]) == ["a-run", "b-run"]
    assert len(set(run_names([Path("/a/run"), Path("/a/run")]))) == 2


def test_meshes_come_from_the_run_that_a_codec_is_of():
    class Source:
        def __init__(self, name):
            self.name = name

        def reference(self, dataset, name):
            if self.name == "first":
                raise MeshesUnavailable("not here")
            return f"{self.name} {name}"

        def decoded(self, set_row, shape_rows):
            return {0: f"{self.name} {set_row['codec']} {shape_rows[0]['codec']}"}

    origin = {"draco:run=b": (1, "draco"), "octree": (0, "octree")}
    meshes = MeshesBeside([Source("first"), Source("second")], origin)
    row = {"codec": "draco:run=b"}
    assert meshes.decoded(row, {0: row}) == {0: "second draco draco"}
    assert meshes.reference("d", "shape") == "second shape"


def test_one_command_puts_runs_on_one_page_and_says_why_not(tmp_path, capsys):
    a, b = (write_run(tmp_path / name, codecs=["draco"], shapes=2, rates=2) for name in ("a", "b"))
    assert main(["report", str(a.path), str(b.path), "--html", "--formats", "svg"]) == 0
    page = tmp_path / "a-with-b" / "report.html"
    assert str(page) in capsys.readouterr().out
    assert "Draco (run=b)" in page.read_text()
    other = write_run(tmp_path / "other", codecs=["draco"], shapes=3, rates=2)
    assert main(["report", str(a.path), str(other.path), "--html"]) == 3
    assert "the shapes of sample are not the same" in capsys.readouterr().err


def test_a_site_has_a_page_per_data_set_and_the_rows_of_all_its_runs(tmp_path, capsys):
    evil = "folder:<b>x"
    made = [
        write_run(tmp_path / "one", codecs=["draco"], shapes=2, rates=2),
        write_run(tmp_path / "two", codecs=["octree"], shapes=2, rates=2),
        write_run(tmp_path / "three", codecs=["octree"], shapes=2, rates=2, dataset=evil),
    ]
    out = tmp_path / "site"
    assert main(["report", *(str(run.path) for run in made), "--site", str(out), "--formats", "svg"]) == 0
    index = (out / "index.html").read_text()
    assert "<b>x" not in index
    links = [part.partition('"')[0] for part in index.split('href="')[1:]]
    assert len(links) == 2 * 5
    assert all((out / link).is_file() for link in links)
    page = (out / "sample" / "index.html").read_text()
    assert 'href="../index.html"' in page
    results = json.loads((out / "sample" / "results.json").read_text())
    assert {point["codec"] for point in results["points"]} == {"draco", "octree"}
    assert len((out / "sample" / "points.csv").read_text().splitlines()) == 1 + 4


def test_other_shapes_under_one_name_get_a_page_of_their_own(tmp_path, runs):
    groups = grouped([*runs, loaded(tmp_path / "six", codecs=["draco"], shapes=6)])
    assert [len(group.paths) for group in groups] == [2, 1]
    assert len({group.folder for group in groups}) == 2
    assert only(runs[0], "sample").points.equals(runs[0].points)


def test_the_standing_is_by_bytes_at_equal_error(runs):
    frame = standing(beside(runs).data, "sample").frame
    halved = frame[frame["title"] == "Decimate + Draco (run=after)"]["percent"].iloc[0]
    other = frame[frame["title"] == "Decimate + Draco (run=before)"]["percent"].iloc[0]
    assert halved == pytest.approx(-50, abs=1) or other == pytest.approx(100, abs=2)  # one of them is the anchor
    assert frame["percent"].dropna().is_monotonic_increasing
