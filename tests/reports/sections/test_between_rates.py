import math

import pandas as pd
import pytest

from reports.sections.between_rates import rate_at_error, value_at_bytes


def points(sizes, errors, failed=0, unmeasured=0):
    frame = pd.DataFrame({"bytes_per_shape": sizes, "surface_cd": errors, "failed": failed, "unmeasured": unmeasured})
    return frame.assign(ratio=1e5 / frame["bytes_per_shape"])


def test_a_power_law_is_met_exactly_between_its_points():
    law = points([100.0, 1000.0, 4000.0], [10.0, 1.0, 0.25])
    assert rate_at_error(law, 2.0) == pytest.approx(500)
    assert rate_at_error(law, 1.0) == pytest.approx(1000)


def test_nothing_is_said_outside_the_measured_range():
    law = points([100.0, 1000.0], [10.0, 1.0])
    assert math.isnan(rate_at_error(law, 0.9))
    assert math.isnan(rate_at_error(law, 11.0))
    assert math.isnan(value_at_bytes(law, 50.0, "surface_cd"))
    assert math.isnan(value_at_bytes(law.iloc[:0], 500.0, "surface_cd"))


def test_the_smallest_rate_counts_where_the_curve_is_not_monotone():
    assert rate_at_error(points([100.0, 200.0, 400.0, 800.0], [4.0, 1.0, 4.0, 1.0]), 2.0) < 200


@pytest.mark.parametrize("lost", ["failed", "unmeasured"])
def test_points_with_failed_or_unmeasured_shapes_take_no_part(lost):
    law = points([100.0, 300.0, 1000.0], [10.0, 0.1, 1.0], **{lost: [0, 1, 0]})
    assert rate_at_error(law, 2.0) == pytest.approx(500)
    assert value_at_bytes(law, 500.0, "surface_cd") == pytest.approx(2.0)


def test_a_value_between_two_rates_follows_the_power_law():
    law = points([100.0, 1000.0], [10.0, 1.0])
    assert value_at_bytes(law, 500.0, "surface_cd") == pytest.approx(2.0)
    assert value_at_bytes(law.assign(f1_005=[0.0, 0.9]), math.sqrt(100 * 1000), "f1_005") == pytest.approx(1 - 0.1**0.5)
    assert value_at_bytes(law.assign(f1_005=[0.9, 1.0]), 100.0, "f1_005") == pytest.approx(0.9)
