import pytest

from reports.run_data import RunData
from reports.sections.timing import decode_speed_table, phase_table, timing_frame
from tests.reports.synthetic import write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return RunData.load(write_run(tmp_path_factory.mktemp("run"), codecs=["draco", "necgs"], shapes=4).path)


def test_phases_and_the_rest_add_up_to_the_wall_time(data):
    frame = timing_frame(data)
    encode = frame[(frame["codec"] == "necgs") & (frame["step"] == "encode") & (frame["rate"] == "r1")].set_index(
        "phase"
    )
    named = encode.drop("total")["set_s"].sum()
    assert named == pytest.approx(encode.loc["total", "set_s"])
    assert encode.loc["total", "shape_s"] == pytest.approx(encode.loc["total", "set_s"] / 4)


def test_work_that_came_from_the_cache_is_part_of_the_time(tmp_path):
    run = write_run(tmp_path, codecs=["necgs"], shapes=4, rates=1)
    text = run.rows_path.read_text().replace(
        '"wall_s": 300.0, "cpu_s": 225.0, "recalled_s": 0.0', '"wall_s": 240.0, "cpu_s": 225.0, "recalled_s": 60.0'
    )
    run.rows_path.write_text(text)
    frame = timing_frame(RunData.load(run.path)).set_index(["step", "phase"])
    assert frame.loc[("encode", "total"), "set_s"] == 300
    assert frame.loc[("encode", "other"), "set_s"] == pytest.approx(15)


def test_devices_never_share_a_line_and_are_never_ranked(data):
    table = phase_table(data, "sample")
    assert set(table.frame.groupby("codec")["device"].nunique()) == {1}
    assert table.frame["device"].tolist() == sorted(table.frame["device"])
    assert not any(column.better for column in table.columns)


def test_median_and_range_run_over_the_rates(data):
    frame = phase_table(data, "sample").frame
    line = frame[(frame["codec"] == "draco") & (frame["step"] == "encode")].iloc[0]
    assert line["set_s"] == pytest.approx(1.2)
    assert line["spread"] == "0.4–2"
    assert line["cpu_s"] == pytest.approx(0.9)
    fit = phase_table(data, "sample").frame.query("phase == 'fit'")
    assert fit["cpu_s"].isna().all()  # known of a step as a whole only


def test_a_failed_job_has_no_time(tmp_path):
    run = write_run(tmp_path, codecs=["draco"], shapes=2, rates=1)
    rows = run.rows()
    rows[-1] |= {"status": "timeout", "codec": "vpcc"}
    run.append(row | {"codec": "vpcc"} for row in rows)
    assert set(timing_frame(RunData.load(run.path))["codec"]) == {"draco"}


def test_two_machines_never_share_a_median(tmp_path):
    run = write_run(tmp_path, codecs=["draco"], shapes=4, rates=2)
    rows = run.rows()
    for row in rows:
        row["machine"] = "slow" if row["rate"] == "r2" else "quick"
        if row["kind"] == "set" and row["rate"] == "r2":
            row["encode"]["wall_s"] = 1000.0
    run.rows_path.unlink()
    run.append(rows)
    table = phase_table(RunData.load(run.path), "sample")
    totals = table.frame[(table.frame["step"] == "encode") & (table.frame["phase"] == "total")].set_index("machine")
    assert totals.loc["slow", "set_s"] == 1000
    assert totals.loc["quick", "set_s"] == pytest.approx(0.4)
    assert "Machine" in [column.title for column in table.columns]


def test_decoding_speed_is_what_was_decoded_by_the_seconds_in_the_codec(tmp_path):
    run = write_run(tmp_path, codecs=["draco", "necgs"], shapes=2, rates=2)
    assert decode_speed_table(RunData.load(run.path), "sample") is None  # rows of older runs
    rows = run.rows()
    for row in rows:
        if row["kind"] == "set" and row["codec"] == "draco":
            row |= {"decoded_vertices": 500_000, "decoded_faces": 1_000_000}
            row["decode"]["codec_s"] = 0.5 if row["rate"] == "r1" else 0.25
    run.rows_path.unlink()
    run.append(rows)
    (line,) = decode_speed_table(RunData.load(run.path), "sample").frame.to_dict("records")
    assert line["codec"] == "draco"
    assert (line["mb_s"], line["triangles_s"], line["spread"]) == (54.0, 3.0, "36–72")
