import numpy as np
import pytest

from bench.comparison.bd_rate import Status
from bench.comparison.paired import pairwise, shape_curves
from tests.reports.synthetic import Defects, write_run


def curves(path, metric="surface_cd", **options):
    return shape_curves(write_run(path, **options).rows(), "sample", metric)


def test_the_sets_curve_is_that_of_the_set_rows(tmp_path):
    run = write_run(tmp_path, codecs=["necgs"], shapes=5)
    curve = shape_curves(run.rows(), "sample", "surface_cd")["necgs"]
    totals = sorted(row["bytes"] for row in run.set_rows())
    assert 10 ** curve.curve().rate == pytest.approx(totals)
    assert curve.rates == ("r1", "r2", "r3", "r4", "r5")


def test_parts_of_a_set_add_up_to_it(tmp_path):
    whole = curves(tmp_path, codecs=["necgs"], shapes=5)["necgs"]
    parts = [whole.part(names) for names in (whole.names[:2], whole.names[2:])]
    assert sum(10 ** part.curve().rate for part in parts) == pytest.approx(10 ** whole.curve().rate)
    assert [len(part.names) for part in parts] == [2, 3]


def test_a_paired_interval_is_far_narrower_than_the_spread_of_the_shapes(tmp_path):
    rows = write_run(tmp_path / "a", codecs=["draco-simplify"], shapes=40).rows()
    defects = Defects(bytes_factor={"draco-simplify": 0.9})
    better = write_run(tmp_path / "b", codecs=["draco-simplify"], shapes=40, defects=defects).rows()
    rows += [row | {"codec": "better"} for row in better]
    result = pairwise(shape_curves(rows, "sample", "surface_cd"), ["draco-simplify"], replicates=200)
    result = result["draco-simplify", "better"]
    assert result.percent == pytest.approx(-10, abs=0.2)
    assert result.interval[0] <= result.percent <= result.interval[1]
    assert result.interval[1] - result.interval[0] < 1


def test_the_interval_covers_the_truth_when_shapes_differ(tmp_path):
    rng = np.random.default_rng(0)
    covered = 0
    rows = write_run(tmp_path, codecs=["draco-simplify"], shapes=24).rows()
    for _ in range(12):
        factor = rng.lognormal(np.log(0.8), 0.2, 24)
        other = [
            row | {"codec": "other", "bytes": row["bytes"] * factor[row["index"]] if "index" in row else row["bytes"]}
            for row in rows
        ]
        low, high = pairwise(shape_curves(rows + other, "sample", "surface_cd"), ["draco-simplify"], replicates=150)[
            "draco-simplify", "other"
        ].interval
        covered += low < 100 * (0.8 * np.exp(0.02) - 1) < high
    assert covered >= 9


def test_few_shapes_have_no_interval_and_the_result_says_so(tmp_path):
    codecs = ["octree", "draco-simplify"]
    few = pairwise(curves(tmp_path / "few", codecs=codecs, shapes=2), replicates=20)["draco-simplify", "octree"]
    assert few.percent is not None
    assert (few.interval, few.detail) == (None, "2 shapes: no interval")
    found = curves(tmp_path / "six", codecs=codecs, shapes=6)
    assert pairwise(found, replicates=20)["draco-simplify", "octree"].interval is not None
    assert pairwise(found, replicates=20, min_shapes=7)["draco-simplify", "octree"].interval is None


def test_saturated_rates_are_left_out_of_the_sampled_comparison_only(tmp_path):
    run = write_run(tmp_path, codecs=["draco-simplify", "identity"], shapes=6)
    sampled = shape_curves(run.rows(), "sample", "cd")
    assert len(sampled["draco-simplify"].rates) < 5
    assert "identity" not in sampled
    assert len(shape_curves(run.rows(), "sample", "surface_cd")["draco-simplify"].rates) == 5
    assert len(shape_curves(run.rows(), "sample", "cd", unsaturated=False)["draco-simplify"].rates) == 5


def test_codecs_run_on_other_shapes_cannot_be_paired(tmp_path):
    rows = write_run(tmp_path / "a", codecs=["draco"], shapes=4).rows()
    rows += write_run(tmp_path / "b", codecs=["octree"], shapes=5).rows()
    with pytest.raises(ValueError, match="not run on the same shapes"):
        pairwise(shape_curves(rows, "sample", "surface_cd"))


def test_every_pair_has_an_outcome_and_the_control_has_too_few_points(tmp_path):
    results = pairwise(curves(tmp_path, shapes=4), replicates=0)
    assert len(results) == 20
    assert results["draco", "identity"].status is Status.TOO_FEW_POINTS
    assert all(result.interval is None for result in results.values())


def test_seeds_are_averaged_and_failed_sets_have_no_point(tmp_path):
    run = write_run(tmp_path, codecs=["necgs"], shapes=3, seeds=[0, 1])
    rows = run.rows()
    rows[-1] |= {"status": "timeout", "bytes": 0}
    curve = shape_curves(rows, "sample", "surface_cd")["necgs"]
    assert curve.rates == ("r1", "r2", "r3", "r4")
    first = [row["surface_cd"] for row in rows if row["kind"] == "shape" and row["rate"] == "r1" and row["index"] == 0]
    assert len(first) == 2
    assert curve.values[0, 0] == pytest.approx(np.mean(first))


def test_a_curve_with_failed_shapes_has_no_number(tmp_path):
    failing = [("octree", "r2", 0), ("octree", "r2", 3)]
    found = curves(tmp_path, codecs=["octree", "draco-simplify"], shapes=6, defects=Defects(failing=failing))
    result = pairwise(found)["draco-simplify", "octree"]
    assert result.status is Status.FAILED_SHAPES
    assert result.detail == "test: 2 at r2"
