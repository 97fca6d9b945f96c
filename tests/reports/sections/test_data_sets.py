import json

import pytest

from reports.run_data import RunData
from reports.sections.categories import category_table
from reports.sections.data_sets import datasets_table
from reports.sections.decoded_points import decoded_points_table
from reports.sections.rate_points import points_table
from tests.reports.synthetic import write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return RunData.load(write_run(folder, shapes=6, codecs=["draco", "octree"], seeds=[0, 1]).path)


def test_data_table_counts_shapes_bytes_and_categories(data):
    (line,) = datasets_table(data).markdown().splitlines()[2:]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "sample",
        "6",
        "1.80",
        "300.0",
        "2 humans, 2 animals, 2 objects",
    ]


def test_category_means_average_to_the_mean_of_the_point(data):
    frame = category_table(data, "sample").frame
    means = frame[["humans", "animals", "objects"]].mean(axis=1)
    points = data.points.set_index(["codec", "rate"])["surface_cd"]
    expected = [points[codec, rate] for codec, rate in zip(frame["codec"], frame["rate"], strict=True)]
    assert means.tolist() == pytest.approx(expected)


def test_point_metrics_are_shown_for_codecs_of_points_only(data):
    assert set(decoded_points_table(data, "sample").frame["codec"]) == {"octree"}


def test_points_that_are_met_exactly_have_no_psnr_but_say_so(tmp_path):
    run = write_run(tmp_path, shapes=3, codecs=["octree"], rates=1)
    lines = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    for row in lines[:-1]:
        row |= {"d1_mse": 0.0, "d2_mse": 0.0}
        del row["d1_psnr"], row["d2_psnr"]
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    assert decoded_points_table(RunData.load(run.path), "sample").markdown().count("exact") == 2


def test_the_number_of_seeds_is_shown_where_there_are_several(data, tmp_path):
    assert "Seeds" in points_table(data, "sample").markdown()
    single = RunData.load(write_run(tmp_path, shapes=2, codecs=["draco"]).path)
    assert "Seeds" not in points_table(single, "sample").markdown()
    assert decoded_points_table(single, "sample") is None
