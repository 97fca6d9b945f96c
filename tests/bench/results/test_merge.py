import pytest

from bench.results.merge import MergeRefused, merge
from bench.results.set_sizes import FILE, SetSize, append, read
from bench.results.store import RunFolder, StoreError
from bench.results.summary import summarise
from tests.bench.command_line import run_command
from tests.reports.synthetic import Defects, write_run


def test_parts_of_a_run_make_the_whole(tmp_path):
    whole = write_run(tmp_path / "whole", shapes=4, codecs=["draco", "necgs"])
    parts = [write_run(tmp_path / name, shapes=4, codecs=[name]) for name in ("draco", "necgs")]
    out = RunFolder(tmp_path / "out")
    assert merge(parts, out) == 10
    assert summarise(out.rows()).equals(summarise(whole.rows()))
    assert set(out.read_manifest()["codecs"]) == {"draco", "necgs"}
    assert not (tmp_path / "out.part").exists()


def test_a_point_that_failed_in_one_run_is_taken_from_the_other(tmp_path):
    bad = write_run(tmp_path / "a", shapes=4, codecs=["octree"], defects=Defects(failing=[("octree", "r1", 0)]))
    good = write_run(tmp_path / "b", shapes=4, codecs=["octree"])
    for order in ([bad, good], [good, bad]):
        out = RunFolder(tmp_path / f"out-{order[0].path.name}")
        merge(order, out)
        assert summarise(out.rows())["failed"].sum() == 0


def test_archives_go_with_their_rows(tmp_path):
    run = write_run(tmp_path / "a", shapes=2, codecs=["draco"], rates=1)
    job = run.set_rows()[0]["archive"]
    run.archive(job).mkdir(parents=True)
    (run.archive(job) / "000000.bin").write_bytes(b"abc")
    run.archive(job).with_name(f"{job}.json").write_text("{}")
    out = RunFolder(tmp_path / "out")
    merge([run], out)
    assert (out.archive(job) / "000000.bin").read_bytes() == b"abc"
    assert out.archive(job).with_name(f"{job}.json").exists()


def test_sizes_of_sets_are_joined_and_the_first_run_goes_before_the_others(tmp_path):
    runs = [write_run(tmp_path / name, shapes=2, rates=1, codecs=[name]) for name in ("draco", "octree", "identity")]
    first, second, other = (
        SetSize("sample", "meshset", "f300", shapes, 0, size, 200, 3.5, 4, 1.0, 0.1)
        for shapes, size in ((4, 1000), (4, 900), (8, 1500))
    )
    append(runs[0].path, first)
    for size in (second, other):
        append(runs[1].path, size)
    merge(runs, out := RunFolder(tmp_path / "out"))
    assert read(out.path) == [first, other]
    merge(runs[2:], alone := RunFolder(tmp_path / "alone"))
    assert not (alone.path / FILE).exists()


def test_sizes_behind_a_link_are_refused(tmp_path):
    run = write_run(tmp_path / "a", shapes=2, rates=1, codecs=["draco"])
    (run.path / FILE).symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(StoreError, match=r"set_sizes\.csv is a link"):
        merge([run], RunFolder(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_rows_remember_their_machine_and_what_one_run_left_out_is_no_longer_missing(tmp_path):
    runs = [write_run(tmp_path / name, shapes=2, codecs=[name]) for name in ("draco", "necgs")]
    for number, run in enumerate(runs):
        manifest = run.read_manifest()
        manifest["machine"]["fingerprint"] = f"m{number}"
        manifest["skipped"] = [{"name": "codec necgs", "reason": "no GPU"}] if number == 0 else []
        run.write_manifest(manifest)
    out = RunFolder(tmp_path / "out")
    merge(runs, out)
    assert {row["codec"]: row["machine"] for row in out.rows()} == {"draco": "m0", "necgs": "m1"}
    assert out.read_manifest()["skipped"] == []
    assert len(out.read_manifest()["machines"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sampled+surface-1", "sampled+surface-2", "metric protocol differs"),
        ('"codec_version": "1"', '"codec_version": "2"', "version of codec draco differs"),
    ],
)
def test_mixed_protocols_and_versions_are_refused(tmp_path, old, new, message):
    first = write_run(tmp_path / "a", shapes=2, codecs=["draco"])
    second = write_run(tmp_path / "b", shapes=2, codecs=["draco"])
    second.rows_path.write_text(second.rows_path.read_text().replace(old, new))
    with pytest.raises(MergeRefused, match=message):
        merge([first, second], RunFolder(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_other_shapes_an_occupied_folder_and_nothing_at_all_are_refused(tmp_path):
    first = write_run(tmp_path / "a", shapes=2, codecs=["draco"])
    other = write_run(tmp_path / "b", shapes=3, codecs=["draco"])
    with pytest.raises(MergeRefused, match="shapes of sample differs"):
        merge([first, other], RunFolder(tmp_path / "out"))
    with pytest.raises(StoreError, match="not empty"):
        merge([first], other)
    with pytest.raises(MergeRefused, match="nothing"):
        merge([], RunFolder(tmp_path / "out"))


def test_data_sets_may_differ(tmp_path):
    first = write_run(tmp_path / "a", shapes=2, codecs=["draco"], dataset="ama")
    second = write_run(tmp_path / "b", shapes=3, codecs=["draco"], dataset="dt4d")
    out = RunFolder(tmp_path / "out")
    assert merge([first, second], out) == 10
    assert len(out.read_manifest()["shapes"]) == 5


def test_command_merges_and_reports(tmp_path, capsys):
    runs = [write_run(tmp_path / name, shapes=2, rates=1, codecs=[name]) for name in ("draco", "octree")]
    paths = [str(run.path) for run in runs]
    assert run_command("merge", *paths, "-o", str(tmp_path / "out")) == 0
    assert (tmp_path / "out" / "summary.csv").exists()
    assert (tmp_path / "out" / "report" / "report.md").exists()
    assert run_command("merge", *paths, "-o", str(tmp_path / "out")) == 2
    assert "not empty" in capsys.readouterr().err


def test_other_settings_under_one_label_are_refused(tmp_path):
    first = write_run(tmp_path / "a", shapes=2, codecs=["draco"])
    second = write_run(tmp_path / "b", shapes=2, codecs=["draco"])
    altered = second.rows_path.read_text().replace('"settings": {"level": 3}', '"settings": {"level": 9}')
    second.rows_path.write_text(altered)
    for order in ([first, second], [second, first]):
        with pytest.raises(MergeRefused, match=r"settings of draco r4 differs: .*level.*level"):
            merge(order, RunFolder(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
