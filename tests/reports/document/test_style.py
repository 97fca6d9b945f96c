"""Looks of codecs: all apart, this project's own first and in print without colour too."""

from itertools import combinations

import numpy as np
from matplotlib.colors import to_rgb

from bench.registry import BUILT_IN
from reports.document.style import in_order, looks

OURS = ["necgs", "meshset", "hybrid"]


def lab(colour):
    """CIELAB of an sRGB colour: lightness, green to red, blue to yellow."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ linear / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_all_registered_codecs_look_different():
    found = looks(list(BUILT_IN))
    for one, other in combinations(found.values(), 2):
        gap = np.linalg.norm(lab(one.colour) - lab(other.colour))
        assert gap > (30 if one.marker == other.marker else 15), (one, other)


def test_the_projects_own_stand_first_and_differ_in_lightness():
    assert in_order(sorted(BUILT_IN))[:3] == OURS
    own = looks(OURS)
    lightness = sorted(lab(look.colour)[0] for look in own.values())
    assert np.diff(lightness).min() > 15
    assert len({look.marker for look in own.values()}) == 3


def test_colour_and_marker_of_other_codecs_are_independent():
    found = looks([f"mine{number}" for number in range(60)])
    assert len({(look.colour, look.marker) for look in found.values()}) > 25
