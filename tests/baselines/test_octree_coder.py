import hashlib
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.octree_coder import decode_octree, encode_octree
from bench.codec import CorruptArchive


def sphere(bits, radius=0.4):
    """Voxels that a sphere's surface passes through, by brute force over the grid."""
    n = 1 << bits
    axis = np.arange(n) - (n - 1) / 2
    r2 = axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2
    return np.argwhere(np.abs(np.sqrt(r2) - radius * n) < 0.6)


def sealed(body):
    return body + zlib.crc32(body).to_bytes(4, "little")


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
    decoded, depth = decode_octree(encode_octree(points, bits))
    assert depth == bits
    assert decoded.tolist() == [list(voxel) for voxel in sorted(set(voxels))]


@pytest.mark.parametrize("bits", [1, 3, 4])
def test_full_cube(bits):
    cube = np.argwhere(np.ones((1 << bits,) * 3))
    data = encode_octree(cube, bits)
    assert np.array_equal(decode_octree(data)[0], cube)
    if bits == 4:
        assert len(data) < 80  # 4096 voxels, all alike


def test_deepest_corners():
    corners = np.array([[0, 0, 0], [65535, 65535, 65535], [0, 65535, 0]])
    assert np.array_equal(decode_octree(encode_octree(corners, 16))[0], corners[[0, 2, 1]])


def test_noise_costs_no_more_than_its_entropy_and_a_little():
    rng = np.random.default_rng(0)
    volume = rng.random((32, 32, 32)) < 0.5
    data = encode_octree(np.argwhere(volume), 5)
    assert len(data) < 1.04 * volume.size / 8 + 40


def test_a_surface_costs_less_than_a_bit_a_point():
    points = sphere(7)
    data = encode_octree(points, 7)
    assert 8 * len(data) / len(points) < 0.75
    assert np.array_equal(decode_octree(data)[0], points)


def test_order_and_duplicates_do_not_matter():
    points = sphere(5)
    shuffled = np.random.default_rng(1).permutation(np.concatenate([points, points[:50]]))
    assert encode_octree(shuffled, 5) == encode_octree(points, 5)


def test_bytes_are_the_same_everywhere():
    """Golden bytes: integer arithmetic alone decides them. A change of them is a change of the format."""
    assert hashlib.sha256(encode_octree(sphere(6), 6)).hexdigest()[:16] == "3eadba4ae46b881a"


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
        encode_octree(points, bits)


def test_every_cut_and_every_flipped_byte_is_refused():
    data = encode_octree(sphere(4), 4)
    for length in range(len(data)):
        with pytest.raises(CorruptArchive):
            decode_octree(data[:length])
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x10
        with pytest.raises(CorruptArchive):
            decode_octree(bytes(broken))


def test_forged_streams_with_a_right_checksum_stay_bounded():
    huge = b"\xff\xff\xff\xff\x0f"  # 2^32 - 1 points
    with pytest.raises(CorruptArchive, match="cannot hold"):
        decode_octree(sealed(bytes([1, 16]) + huge + bytes(100)))
    with pytest.raises(CorruptArchive, match="count in the stream is cut"):
        decode_octree(sealed(bytes([1, 16]) + b"\xff" * 12))
    with pytest.raises(CorruptArchive, match="cannot hold"):
        decode_octree(sealed(bytes([1, 40, 1, 0, 0])))
    rng = np.random.default_rng(0)
    for _ in range(50):
        body = bytes([1, 10, 0xE8, 0x07]) + rng.bytes(60)
        with pytest.raises(CorruptArchive):
            decode_octree(sealed(body))
