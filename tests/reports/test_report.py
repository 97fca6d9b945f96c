import re

import pytest

from bench.store import StoreError
from reports.report import write_report
from tests.reports.synthetic import Defects, write_run


def test_report_links_only_to_files_that_it_wrote(tmp_path):
    run = write_run(tmp_path / "run", shapes=6, defects=Defects(failing=[("octree", "r2", 0)]))
    paths = write_report(run.path, formats=("png",))
    report = run.path / "report" / "report.md"
    assert report in paths
    assert all(path.stat().st_size > 0 for path in paths)
    links = re.findall(r"\]\(([^)]+)\)", report.read_text())
    assert links
    assert all((report.parent / link).exists() for link in links)


def test_report_tells_what_was_left_out_and_what_failed(tmp_path):
    run = write_run(tmp_path, codecs=["octree"], shapes=3, defects=Defects(failing=[("octree", "r2", 0)]))
    write_report(run.path, formats=("svg",))
    text = (tmp_path / "report" / "report.md").read_text()
    assert "gpcc: tmc3 was not found. To have it: set TMC3" in text
    assert re.search(r"Octree \| r2 \| decode_failed \| 1 \(shape_00\) \| the decoder returned no usable mesh", text)


def test_every_figure_comes_in_every_format_and_every_table_in_three(tmp_path):
    run = write_run(tmp_path / "run", codecs=["draco", "necgs"], shapes=3)
    write_report(run.path, out=tmp_path / "out")
    figures = list((tmp_path / "out" / "figures").iterdir())
    assert {path.suffix for path in figures} == {".png", ".svg", ".pdf"}
    assert len(figures) == 3 * len({path.stem for path in figures})
    tables = list((tmp_path / "out" / "tables").iterdir())
    assert {path.suffix for path in tables} == {".md", ".tex", ".csv"}
    assert not (run.path / "report").exists()


def test_two_reports_of_one_run_are_equal(tmp_path):
    run = write_run(tmp_path / "run", codecs=["draco", "octree"], shapes=3)
    first = write_report(run.path, out=tmp_path / "a", formats=("svg",))
    second = write_report(run.path, out=tmp_path / "b", formats=("svg",))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_run_without_results_and_one_without_optional_facts_are_reported(tmp_path):
    empty = write_run(tmp_path / "empty", codecs=[])
    write_report(empty.path, formats=("png",))
    assert "No job of this run has finished yet" in (empty.path / "report" / "report.md").read_text()
    bare = write_run(tmp_path / "bare", codecs=["draco"], shapes=2)
    bare.write_manifest({})
    assert write_report(bare.path, formats=("svg",))


def test_a_set_that_failed_as_a_whole_does_not_break_the_report(tmp_path):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=1)
    rows = run.rows()
    shape = {"status": "timeout", "message": "the job's time is over", "cd": 1732.05, "surface_cd": 1732.05}
    rows = [row | {"codec": "vpcc", "status": "timeout", "failed": 2, "bytes": 0, "encode": None} for row in rows]
    run.append([row | shape if row["kind"] == "shape" else row for row in rows])
    write_report(run.path, formats=("png",))
    assert "the job's time is over" in (run.path / "report" / "report.md").read_text()


def test_what_is_no_run_folder_and_what_is_no_format_are_refused(tmp_path):
    with pytest.raises(StoreError, match=r"no manifest\.json"):
        write_report(tmp_path)
    with pytest.raises(ValueError, match="bmp"):
        write_report(tmp_path, formats=("bmp",))
