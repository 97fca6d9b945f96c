import pytest

from bench.planning.limits import Timeouts


@pytest.mark.parametrize(("shapes", "seconds"), [(1, 600.0), (48, 600.0), (96, 1200.0), (600, 7500.0)])
def test_time_allowed_grows_with_the_set_above_a_floor(shapes, seconds):
    assert Timeouts(encode=600, decode=5).of("encode", shapes) == seconds


@pytest.mark.parametrize("shapes", [0, -1, 2.5, True])
def test_a_number_of_shapes_that_is_none_is_refused(shapes):
    with pytest.raises(ValueError, match=r"timeout_s.shapes must be a whole number"):
        Timeouts(shapes=shapes)
