import warnings

import numpy as np
import pytest

from bench.comparison.bd_rate import BDRate, Status, bd_rate, quality

SIZES = np.array([1e3, 2e3, 4e3, 8e3, 16e3])
QUALITY = np.array([-8.0, -6.1, -4.4, -3.0, -2.1])


@pytest.mark.parametrize("unit", [1, 8, 1 / 1024, 1 / 48])
def test_thirty_percent_fewer_bytes_is_thirty_percent_in_any_unit(unit):
    result = bd_rate(SIZES * unit, QUALITY, 0.7 * SIZES * unit, QUALITY)
    assert result.percent == pytest.approx(-30.0, abs=1e-9)
    assert result.akima == pytest.approx(-30.0, abs=1e-9)
    assert result.overlap == 1


def test_the_order_of_the_points_does_not_matter():
    shuffled = [3, 0, 4, 1, 2]
    first = bd_rate(SIZES, QUALITY, 0.9 * SIZES, QUALITY + 0.1)
    assert bd_rate(SIZES, QUALITY, (0.9 * SIZES)[shuffled], (QUALITY + 0.1)[shuffled]) == first


def test_agrees_with_the_published_package_on_random_monotone_curves():
    import bjontegaard

    rng = np.random.default_rng(3)
    compared = 0
    for _ in range(60):
        counts = rng.integers(4, 8, 2)
        sizes = [np.sort(rng.uniform(1e3, 1e5, n)) for n in counts]
        levels = [np.sort(rng.uniform(-10, 0, n)) for n in counts]
        mine = bd_rate(sizes[0], levels[0], sizes[1], levels[1])
        if mine.status is not Status.OK:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = [
                bjontegaard.bd_rate(
                    sizes[0],
                    levels[0],
                    sizes[1],
                    levels[1],
                    method=method,
                    require_matching_points=False,
                    min_overlap=0,
                )
                for method in ("pchip", "akima")
            ]
        assert [mine.percent, mine.akima] == pytest.approx(other, rel=1e-9)
        compared += 1
    assert compared > 10


def test_raw_distances_are_no_quality():
    cd = 10 ** (-QUALITY / 10)
    assert bd_rate(SIZES, cd, 0.7 * SIZES, cd).status is Status.NON_MONOTONE


def test_non_monotone_curves_get_no_number():
    result = bd_rate(SIZES, QUALITY, SIZES, [-8, -6, -6.5, -3, -2])
    assert result.status is Status.NON_MONOTONE
    assert result.percent is None
    assert "test" in result.detail


def test_three_points_are_too_few_and_lossless_ones_do_not_count():
    assert bd_rate(SIZES[:3], QUALITY[:3], SIZES, QUALITY).status is Status.TOO_FEW_POINTS
    assert bd_rate(SIZES[:4], [-8, -6, -4, np.inf], SIZES, QUALITY).status is Status.TOO_FEW_POINTS


def test_curves_that_cross_get_no_number_unless_the_crossing_is_noise():
    steep = np.linspace(-8.0, -2.1, 5)
    result = bd_rate(SIZES, QUALITY, SIZES**2 / 4e3, QUALITY)
    assert result.status is Status.CROSSING
    assert "common quality" in result.detail
    noisy = bd_rate(SIZES, steep, SIZES * [1.01, 0.99, 1.01, 0.99, 1.01], steep)
    assert noisy.percent == pytest.approx(0.0, abs=1)


def test_disjoint_curves_tell_who_dominates_where_one_does():
    better = bd_rate(SIZES, QUALITY - 10, SIZES / 100, QUALITY)
    worse = bd_rate(SIZES / 100, QUALITY, SIZES, QUALITY - 10)
    neither = bd_rate(SIZES, QUALITY - 10, SIZES * 100, QUALITY)
    assert [r.status for r in (better, worse, neither)] == [
        Status.DOMINATES,
        Status.DOMINATED,
        Status.INSUFFICIENT_OVERLAP,
    ]


def test_a_small_overlap_is_not_enough():
    result = bd_rate(SIZES, QUALITY, SIZES, QUALITY + 4.0)
    assert result.status is Status.INSUFFICIENT_OVERLAP
    assert result.overlap == pytest.approx(1.9 / 5.9)


def test_quality_is_minus_ten_log_of_the_distance_or_of_what_f1_lacks():
    assert quality("cd", [1.0, 10.0]).tolist() == [0.0, -10.0]
    assert quality("f1_005", [0.9, 0.99]) == pytest.approx([10.0, 20.0])
    assert quality("surface_cd", [0.0]).tolist() == [np.inf]
    with pytest.raises(ValueError, match="nc"):
        quality("nc", [0.9])


def test_bad_curves_are_refused_and_results_check_themselves():
    with pytest.raises(ValueError, match="positive"):
        bd_rate([0, 1, 2, 3], QUALITY[:4], SIZES, QUALITY)
    with pytest.raises(ValueError, match="as many"):
        bd_rate(SIZES[:4], QUALITY, SIZES, QUALITY)
    with pytest.raises(ValueError, match="exactly when"):
        BDRate(Status.CROSSING, percent=3.0)


def test_reads_as_a_number_with_its_interval_or_as_its_status():
    assert str(BDRate(Status.OK, -12.345, interval=(-15.0, -9.99))) == "-12.35 % [-15.0, -10.0]"
    assert str(BDRate(Status.CROSSING)) == "crossing"
