import re

import pytest

from bench.codec import UserError
from bench.results.store import StoreError
from reports.report import write_report
from tests.reports.synthetic import Defects, write_run


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The paths of a whole report of a run with failed shapes, written beside the run folder."""
    folder = tmp_path_factory.mktemp("run")
    defects = Defects(failing=[("octree", "r2", 0)])
    run = write_run(folder / "run", codecs=["draco-simplify", "octree", "necgs"], shapes=6, defects=defects)
    paths = write_report(run.path, out=folder / "out")
    assert not (run.path / "report").exists()
    return paths


def test_report_links_only_to_files_that_it_wrote(written):
    report = written[0]
    assert report.name == "report.md"
    assert all(path.stat().st_size > 0 for path in written)
    links = re.findall(r"\]\(([^)]+)\)", report.read_text())
    assert len(links) >= 7
    assert all((report.parent / link) in written for link in links)


def test_report_tells_what_was_left_out_and_what_failed(written):
    text = written[0].read_text()
    assert "gpcc: tmc3 was not found. To have it: set TMC3" in text
    line = next(line for line in text.splitlines() if "decode_failed" in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["sample", "Octree", "r2", "decode_failed", "1 (shape_00)", "the decoder returned no usable mesh"]


def test_every_figure_comes_in_every_format_and_every_table_in_three(written):
    figures = [path for path in written if path.parent.name == "figures"]
    assert {path.suffix for path in figures} == {".png", ".svg", ".pdf"}
    assert len(figures) == 3 * len({path.stem for path in figures})
    tables = [path for path in written if path.parent.name == "tables"]
    assert {path.suffix for path in tables} == {".md", ".tex", ".csv"}


def test_two_reports_of_one_run_are_equal(tmp_path):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=3)
    first = write_report(run.path, out=tmp_path / "a", formats=("svg",))
    second = write_report(run.path, out=tmp_path / "b", formats=("svg",))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_run_without_results_and_one_without_optional_facts_are_reported(tmp_path):
    empty = write_run(tmp_path / "empty", codecs=[])
    write_report(empty.path, formats=("png",))
    assert "No job of this run has finished yet" in (empty.path / "report" / "report.md").read_text()
    bare = write_run(tmp_path / "bare", codecs=["draco"], shapes=2, rates=1)
    bare.write_manifest({})
    assert write_report(bare.path, formats=("svg",))


def test_a_set_that_failed_as_a_whole_does_not_break_the_report(tmp_path):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=1)
    rows = run.rows()
    shape = {"status": "timeout", "message": "the job's time is over", "cd": 1732.05, "surface_cd": 1732.05}
    rows = [row | {"codec": "vpcc", "status": "timeout", "failed": 2, "bytes": 0, "encode": None} for row in rows]
    run.append([row | shape if row["kind"] == "shape" else row for row in rows])
    write_report(run.path, formats=("svg",))
    assert "the job's time is over" in (run.path / "report" / "report.md").read_text()


def test_what_is_no_run_folder_and_what_is_no_format_are_refused(tmp_path):
    with pytest.raises(StoreError, match=r"no manifest\.json"):
        write_report(tmp_path)
    with pytest.raises(UserError, match="bmp"):
        write_report(tmp_path, formats=("bmp",))
