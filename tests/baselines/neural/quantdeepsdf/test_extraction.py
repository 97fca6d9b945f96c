"""Coarse to fine against the whole grid."""

import itertools

import numpy as np
import pytest
import torch

from baselines.neural.quantdeepsdf.extraction import (
    EVERYWHERE,
    active_blocks,
    crossed_blocks,
    evaluated,
    probe,
    smallest_reach,
)
from baselines.neural.quantdeepsdf.network import Field, initial_latents, initial_layers
from baselines.neural.quantdeepsdf.settings import NetworkSpec
from necgs.volume.dmc import mesh_of


class Analytic(Field):
    """A field given by a function of positions (n, 3), in TSDF units."""

    channels = 1
    device = torch.device("cpu")

    def __init__(self, function, resolution):
        self.function, self.resolution, self.asked = function, resolution, 0

    def __call__(self, points):
        self.asked += len(points)
        positions = points.double() * (2 / (self.resolution - 1)) - 1
        return (self.function(positions) * (self.resolution - 1) / 4).float()[:, None]


def ball(radius, center=(0.0, 0.0, 0.0)):
    return lambda p: (p - torch.tensor(center, dtype=p.dtype)).norm(dim=1) - radius


def torus(p):
    return torch.stack([p[:, :2].norm(dim=1) - 0.6, p[:, 2]], 1).norm(dim=1) - 0.15


def truncated(function):
    return lambda p: function(p).clamp(-0.06, 0.06)


def ball_and_bubble(p):
    """A ball, and a bubble far from it that hides between the probes."""
    return torch.minimum(ball(0.3, (0.5, 0.5, 0.5))(p), ball(0.04, (-0.42, -0.355, -0.42))(p))


def everything(p):
    return -torch.ones(len(p), dtype=p.dtype)


def nothing(p):
    return torch.ones(len(p), dtype=p.dtype)


def dense(field):
    K = field.resolution
    values = field(torch.cartesian_prod(*[torch.arange(K)] * 3)).T.reshape(-1, K, K, K)
    return mesh_of(values[0], values[1:] if len(values) == 4 else None)


def check_same(field):
    reach = smallest_reach(field)
    found, expected = evaluated(field, reach).mesh(), dense(field)
    np.testing.assert_array_equal(found.faces, expected.faces)
    np.testing.assert_array_equal(found.vertices, expected.vertices)
    return reach


SHAPES = [ball(0.7), ball(1.3), torus, truncated(torus), ball_and_bubble, everything, nothing]


@pytest.mark.parametrize("resolution", [8, 32, 36])
@pytest.mark.parametrize("function", SHAPES)
def test_same_surface_as_the_whole_grid(function, resolution):
    check_same(Analytic(function, resolution))


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("seed", range(4))
def test_same_surface_of_random_networks(channels, seed):
    spec = NetworkSpec(32, channels, 4, 16)
    generator = torch.Generator().manual_seed(seed)
    layers = initial_layers(spec, generator)
    field = Field(layers, initial_latents(1, spec, generator)[0], 32)
    values = field(torch.cartesian_prod(*[torch.arange(32)] * 3))[:, 0]
    layers[-1][1][0] -= values.median()
    check_same(field)


def test_a_distance_field_is_evaluated_near_its_surface_only():
    field = Analytic(torus, 64)
    reach = smallest_reach(field)
    field.asked = 0
    evaluated(field, reach)
    assert reach <= 1.12 * 64 + 1
    assert field.asked < 0.2 * 64**3


def test_the_reach_is_what_keeps_a_bubble():
    field = Analytic(ball_and_bubble, 32)
    reach = check_same(field)
    assert reach > 0
    assert len(evaluated(field, 0).mesh().vertices) < len(evaluated(field, reach).mesh().vertices)


def test_the_largest_reach_evaluates_all():
    assert active_blocks(torch.full((9, 4, 4, 4), 100.0), EVERYWHERE).all()
    assert not active_blocks(torch.full((9, 4, 4, 4), 100.0), EVERYWHERE - 1).any()


def test_probes_are_the_corners_and_centres_of_blocks():
    field = Analytic(lambda p: p @ torch.tensor([1.0, 10.0, 100.0], dtype=p.dtype), 8)
    whole = field(torch.cartesian_prod(*[torch.arange(8)] * 3)).reshape(8, 8, 8)
    probes = probe(field)
    assert probes.shape == (9, 2, 2, 2)
    for block in itertools.product(range(2), repeat=3):
        corners = [[min(4 * b + 4 * s, 7) for b, s in zip(block, shift, strict=True)] for shift in np.ndindex(2, 2, 2)]
        corners.append([4 * b + 2 for b in block])
        expected = [whole[tuple(corner)] for corner in corners]
        assert probes[(slice(None), *block)].tolist() == expected


def test_crossed_blocks_against_a_loop_over_all_points():
    inside = torch.rand((8, 8, 8), generator=torch.Generator().manual_seed(0)) < 0.004
    inside[0, 5, 5] = True
    expected = torch.zeros((2, 2, 2), dtype=torch.bool)
    for point in itertools.product(range(8), repeat=3):
        for axis, step in itertools.product(range(3), (-1, 1)):
            other = list(point)
            other[axis] += step
            there = all(0 <= i < 8 for i in other) and bool(inside[tuple(other)])
            if there != bool(inside[point]):
                expected[tuple(i // 4 for i in point)] = True
    assert torch.equal(crossed_blocks(inside), expected)
    assert not expected.all()
