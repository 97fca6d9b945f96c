import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.points.octree_coder import decode_occupancy, encode_occupancy
from bench.codec import CorruptArchive
from bench.codec.fields import varint, with_crc32


def sphere(bits, radius=0.4):
    """Voxels that a sphere's surface passes through, by brute force over the grid."""
    n = 1 << bits
    axis = np.arange(n) - (n - 1) / 2
    r2 = axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2
    return np.argwhere(np.abs(np.sqrt(r2) - radius * n) < 0.6)


def encode(points, bits):
    return encode_occupancy(points, bits)[0]


def coded_and_decoded(points, bits):
    data, count = encode_occupancy(points, bits)
    return decode_occupancy(data, count, bits)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6).flatmap(
        lambda bits: st.tuples(
            st.just(bits),
            st.lists(st.tuples(*[st.integers(0, 2**bits - 1)] * 3), min_size=1, max_size=60),
        )
    )
)
def test_any_set_of_voxels_comes_back(case):
    bits, voxels = case
    points = np.array(voxels)
    assert coded_and_decoded(points, bits).tolist() == [list(voxel) for voxel in sorted(set(voxels))]


@pytest.mark.parametrize("bits", [1, 3, 4])
def test_full_cube(bits):
    cube = np.argwhere(np.ones((1 << bits,) * 3))
    assert np.array_equal(coded_and_decoded(cube, bits), cube)
    if bits == 4:
        assert len(encode(cube, bits)) < 80  # 4096 voxels, all alike


def test_deepest_corners():
    corners = np.array([[0, 0, 0], [65535, 65535, 65535], [0, 65535, 0]])
    assert np.array_equal(coded_and_decoded(corners, 16), corners[[0, 2, 1]])


def test_noise_costs_no_more_than_its_entropy_and_a_little():
    rng = np.random.default_rng(0)
    volume = rng.random((32, 32, 32)) < 0.5
    data = encode(np.argwhere(volume), 5)
    assert len(data) < 1.04 * volume.size / 8 + 40


def test_a_surface_costs_less_than_a_bit_a_point():
    points = sphere(7)
    data = encode(points, 7)
    assert 8 * len(data) / len(points) < 0.75
    assert np.array_equal(coded_and_decoded(points, 7), points)


def test_order_and_duplicates_do_not_matter():
    points = sphere(5)
    shuffled = np.random.default_rng(1).permutation(np.concatenate([points, points[:50]]))
    assert encode(shuffled, 5) == encode(points, 5)


def test_bytes_are_the_same_everywhere():
    """Golden bytes: integer arithmetic alone decides them. A change of them is a change of the format."""
    data, count = encode_occupancy(sphere(6), 6)
    assert hashlib.sha256(with_crc32(bytes([1, 6]) + varint(count) + data)).hexdigest()[:16] == "3eadba4ae46b881a"


@pytest.mark.parametrize(
    ("points", "bits", "message"),
    [
        (np.zeros((0, 3), int), 4, "non-empty"),
        (np.zeros((5, 2), int), 4, "non-empty"),
        (np.zeros((5, 3)), 4, "integer"),
        (np.full((1, 3), 16), 4, "do not fit"),
        (np.full((1, 3), -1), 4, "do not fit"),
        (np.zeros((1, 3), int), 0, "depth"),
        (np.zeros((1, 3), int), 17, "depth"),
    ],
)
def test_bad_input_is_named(points, bits, message):
    with pytest.raises(ValueError, match=message):
        encode(points, bits)


def test_a_cut_stream_is_refused_or_decodes_to_other_voxels():
    data, count = encode_occupancy(sphere(4), 4)
    for length in range(len(data) - 4):
        try:
            assert len(decode_occupancy(data[:length], count, 4)) == count
        except CorruptArchive:
            continue


@pytest.mark.parametrize(("count", "bits"), [(2**32 - 1, 16), (1, 40), (0, 4)])
def test_counts_that_the_bytes_cannot_hold_are_refused(count, bits):
    with pytest.raises(CorruptArchive, match="cannot hold"):
        decode_occupancy(bytes(100), count, bits)


def test_noise_never_decodes_to_another_number_of_voxels():
    rng = np.random.default_rng(0)
    for _ in range(50):
        with pytest.raises(CorruptArchive):
            decode_occupancy(rng.bytes(60), 1000, 10)
