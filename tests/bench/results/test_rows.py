from __future__ import annotations

import json
from typing import get_type_hints

import pytest

from bench.metrics.protocol import Protocol, penalty
from bench.results.manifest import read_manifest
from bench.results.rows import Metrics, SetRow, ShapeRow, is_clean, metric_of, point_key, read_row
from bench.results.store import RunFolder, StoreError
from bench.results.typed import WrongType
from tests.reports.synthetic import write_run

HEAD = {"dataset": "d", "codec": "c", "rate": "r", "seed": 0, "status": "ok"}
SHAPE = {**HEAD, "kind": "shape", "index": 0}
SET = {**HEAD, "kind": "set", "shapes": 1}


def test_every_column_of_a_written_row_is_known(tmp_path):
    for row in write_run(tmp_path, shapes=3).rows():
        columns = get_type_hints(SetRow if row["kind"] == "set" else ShapeRow)
        assert set(row) <= set(columns)


def test_what_an_older_run_did_not_write_is_filled():
    row = read_row({**SET, "encode": {"wall_s": 2}})
    assert (row["unmeasured"], row["failed"], row["workers"], row["decode"]) == (0, 0, 1, None)
    filled = {
        "cpu_s": None,
        "recalled_s": 0.0,
        "codec_s": None,
        "phases": {},
        "peak_mb": 0.0,
        "threads": 1,
        "limit_s": 0.0,
    }
    assert row["encode"] == {"wall_s": 2, **filled}
    assert read_row(SHAPE)["decoded_sha256"] == ""
    assert metric_of(read_row({**SHAPE, "cd": 3}), "cd") == 3
    assert metric_of(read_row(SHAPE), "cd") != metric_of(read_row(SHAPE), "cd")


def test_filled_columns_are_not_shared_between_rows():
    first, second = read_row(SET), read_row(SET)
    first["ledger"]["weights"] = 3
    assert second["ledger"] == {}


def test_columns_that_are_not_known_are_kept():
    assert read_row({**SET, "colour": "red"})["colour"] == "red"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "0"}, "seed must be int, not '0'"),
        ({"seed": True}, "seed must be int"),
        ({"ledger": {"weights": "3"}}, r"ledger\['weights'\] must be int, not '3'"),
        ({"notes": {"groups": 3}}, r"notes\['groups'\] must be str, not 3"),
        ({"encode": {"wall_s": 2, "phases": {"fit": [1]}}}, r"encode\.phases\['fit'\] must be float or int"),
        ({"shapes": 1.5}, "shapes must be int"),
        ({"status": None}, "status must be str, not None"),
        ({"kind": "shapes"}, "there is no index"),
        ({"encode": {}}, "there is no encode.wall_s"),
        ({"encode": {"wall_s": "1"}}, "encode.wall_s must be float or int"),
        ({"encode": 3}, "encode must be dict or null"),
    ],
)
def test_a_column_of_another_type_is_named(change, message):
    with pytest.raises(WrongType, match=message):
        read_row({**SET, **change})


@pytest.mark.parametrize("value", [None, 3, [], "row"])
def test_a_row_that_is_no_object_is_refused(value):
    with pytest.raises(WrongType, match="must be a JSON object"):
        read_row(value)


@pytest.mark.parametrize("change", [{"rate": 3}, {"codec": "a=3"}, {"index": None}])
def test_a_damaged_row_is_named_by_file_and_line(tmp_path, change):
    run = RunFolder(tmp_path)
    lines = [json.dumps(row) + "\n" for row in (SHAPE, {**SHAPE, **change}, SET)]
    run.rows_path.write_text("".join(lines))
    with pytest.raises(StoreError, match=r"rows\.jsonl, line 2: "):
        run.rows()


def test_the_metrics_are_the_columns_of_a_penalty_and_those_of_a_measurement():
    import trimesh

    from bench.metrics.measure import measure

    sphere = trimesh.creation.icosphere(subdivisions=1)
    sphere.metadata |= {"points": sphere.vertices * 0.9, "point_bits": 6}
    measured = measure(sphere, sphere, Protocol(samples=50))
    assert set(get_type_hints(Metrics)) == set(measured)
    assert set(penalty(Protocol())) < set(measured)


def test_a_point_is_the_same_from_rows_of_both_kinds():
    assert point_key(read_row(SHAPE)) == point_key(read_row(SET)) == ("d", "c", "r", 0)


@pytest.mark.parametrize("change", [{"status": "timeout"}, {"failed": 1}, {"unmeasured": 1}])
def test_a_job_is_clean_when_nothing_failed(change):
    assert is_clean(read_row(SET))
    assert not is_clean(read_row({**SET, **change}))


def test_a_manifest_of_an_older_run_is_filled():
    manifest = read_manifest({"codecs": {"c": {"title": "C"}}, "shapes": [{"name": "s"}]})
    assert manifest["codecs"]["c"]["deterministic"] is False
    assert manifest["shapes"][0]["source_bytes"] == 0
    assert (manifest["git"]["commit"], manifest["machine"]["gpu"], manifest["machines"]) == ("", [], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"shapes": [{"name": "a"}, {}]}, r"there is no shapes\[1\]\.name"),
        ({"codecs": {"c": 3}}, r"codecs\['c'\] must be a JSON object"),
        ({"machine": {"cores": "many"}}, r"machine\.cores must be int"),
        ({"datasets": {"d": {"shapes": [{"name": 1}]}}}, r"datasets\['d'\]\.shapes\[0\]\.name must be str"),
    ],
)
def test_a_damaged_manifest_is_named_by_file_and_column(tmp_path, content, message):
    run = RunFolder(tmp_path)
    run.write_manifest(content)
    with pytest.raises(StoreError, match=rf"manifest\.json cannot be read: .*{message}"):
        run.read_manifest()
