"""Voxels of a surface, and their lossless octree: about 80,000 voxels of 8 bits."""

import numpy as np
import pytest
import trimesh

from baselines.points.cloud_search import CloudSearch
from baselines.points.octree_coder import decode_occupancy, encode_occupancy
from baselines.points.oriented_planes import oriented_planes
from bench.metrics.voxels import surface_voxels

BITS = 8


@pytest.fixture(scope="module")
def triangles():
    return np.asarray(trimesh.creation.torus(0.6, 0.3, major_sections=160, minor_sections=80).triangles)


@pytest.fixture(scope="module")
def voxels(triangles):
    return surface_voxels(triangles, BITS)[0]


def test_surface_voxels(benchmark, triangles):
    benchmark(surface_voxels, triangles, BITS)


def test_encode_occupancy(benchmark, voxels):
    benchmark(encode_occupancy, voxels, BITS)


def test_decode_occupancy(benchmark, voxels):
    benchmark(decode_occupancy, *encode_occupancy(voxels, BITS), BITS)


def test_oriented_planes(benchmark, voxels):
    points = voxels.astype(float)
    benchmark(lambda: oriented_planes(CloudSearch(points)))
