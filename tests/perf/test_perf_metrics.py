"""Measuring one shape: 100,000 samples a side, about 25,000 faces a side."""

import numpy as np
import pytest
import trimesh

from bench.metrics.deviation import from_points, from_triangles
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from bench.metrics.sampling import generator, sample_surface
from bench.metrics.triangles import Triangles


@pytest.fixture(scope="module")
def pair():
    reference = trimesh.creation.torus(0.7, 0.3, major_sections=160, minor_sections=80)
    noise = np.random.default_rng(0).normal(scale=2e-3, size=reference.vertices.shape)
    return reference, trimesh.Trimesh(reference.vertices + noise, reference.faces, process=False)


@pytest.fixture(scope="module")
def surfaces(pair):
    return [Triangles.of(mesh, "it") for mesh in pair]


@pytest.fixture(scope="module")
def samples(surfaces):
    return [sample_surface(surface, 100_000, generator(0, 0, side)) for side, surface in enumerate(surfaces)]


def test_sample_surface(benchmark, surfaces):
    benchmark(lambda: sample_surface(surfaces[0], 100_000, generator(0, 0, 0)))


def test_samples_against_samples(benchmark, samples):
    benchmark(lambda: from_points(samples[0], samples[1]))


def test_samples_against_triangles(benchmark, samples, surfaces):
    benchmark(lambda: from_triangles(samples[0], surfaces[1]))


def test_whole_shape(benchmark, pair):
    benchmark.pedantic(lambda: measure(*pair, Protocol()), rounds=5, warmup_rounds=1)
