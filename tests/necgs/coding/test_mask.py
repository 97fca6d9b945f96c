"""Block states: lossless on every grid, small on surfaces, no more memory than a few bytes justify."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench.codec import CorruptArchive
from necgs.coding import entropy
from necgs.coding.entropy import CODERS, RANGE
from necgs.coding.mask import CONTEXT_PROBABILITIES, child_contexts, decode_states, encode_states
from necgs.decoder.spec import MAX_BLOCKS
from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE


def coded(states: np.ndarray, coder: str = RANGE) -> bytes:
    stream = entropy.encoder(coder)
    encode_states(stream, states)
    return stream.getvalue()


def sphere(grid: int, radius: float = 0.8) -> np.ndarray:
    """Blocks of [-1, 1]^3 that a sphere enters, and the sides of the others."""
    edges = np.linspace(-1, 1, grid + 1)
    near = np.maximum(np.maximum(edges[:-1], -edges[1:]), 0)
    far = np.maximum(np.abs(edges[:-1]), np.abs(edges[1:]))
    lowest, highest = ((a[:, None, None] ** 2 + a[:, None] ** 2 + a**2) ** 0.5 for a in (near, far))
    return np.where(lowest > radius, OUTSIDE, np.where(highest < radius, INSIDE, OCCUPIED)).astype(np.int8)


@pytest.mark.parametrize("coder", CODERS)
@settings(deadline=None, max_examples=25)
@given(states=st.integers(1, 7).flatmap(lambda g: hnp.arrays(np.int8, (g, g, g), elements=st.integers(0, 2))))
def test_any_states_come_back(coder: str, states: np.ndarray) -> None:
    decoded = decode_states(entropy.decoder(coder, coded(states, coder)), len(states))
    assert decoded.dtype == np.int8
    np.testing.assert_array_equal(decoded, states)


@pytest.mark.parametrize("grid", [8, 12, 16, 32])
def test_a_sphere_takes_less_than_two_bits_for_each_block_that_it_enters(grid: int) -> None:
    states = sphere(grid)
    data = coded(states)
    np.testing.assert_array_equal(decode_states(entropy.decoder(RANGE, data), grid), states)
    assert {OUTSIDE, OCCUPIED, INSIDE} <= set(states.ravel())
    assert 8 * len(data) < 2 * (states == OCCUPIED).sum()


def test_the_sides_of_a_closed_surface_take_hardly_a_bit() -> None:
    states = sphere(16)
    flat = np.where(states == INSIDE, OUTSIDE, states).astype(np.int8)
    assert abs(len(coded(states)) - len(coded(flat))) <= 1


def test_contexts_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(3)
    parents, known = rng.random((4, 4, 4)) < 0.5, rng.random((7, 7, 7)) < 0.4
    wide_parents, wide_known = np.pad(parents, 1), np.pad(known, 1)
    for child in range(8):
        offset = (child >> 2, child >> 1 & 1, child & 1)
        cells, contexts = child_contexts(parents, known, child)
        expected = {}
        for p in np.ndindex(4, 4, 4):
            c = tuple(2 * a + b for a, b in zip(p, offset, strict=True))
            if not parents[p] or max(c) > 6:
                continue
            sides = [2 * o - 1 for o in offset]
            near = sum(wide_parents[tuple(p[a] + 1 + (a == i) * sides[i] for a in range(3))] for i in range(3))
            around = sum(
                wide_known[tuple(c[a] + 1 + (a == i) * s for a in range(3))] for i in range(3) for s in (-1, 1)
            )
            sibling = known[tuple(slice(2 * a, 2 * a + 2) for a in p)].any()
            expected[c] = ((child * 4 + near) * 7 + around) * 2 + sibling
        assert (
            dict(zip(zip(*(axis.tolist() for axis in cells), strict=True), contexts.tolist(), strict=True)) == expected
        )


def test_odds_leave_both_answers_possible() -> None:
    assert CONTEXT_PROBABILITIES.shape == (448,)
    assert CONTEXT_PROBABILITIES.min() >= 1
    assert CONTEXT_PROBABILITIES.max() <= 255


def test_a_huge_grid_is_refused_by_both_sides() -> None:
    with pytest.raises(CorruptArchive, match="at most"):
        decode_states(entropy.decoder(RANGE, b"abc"), MAX_BLOCKS + 1)
    with pytest.raises(ValueError, match="at most"):
        coded(np.zeros((MAX_BLOCKS + 1, 1, 1), dtype=np.int8))


@settings(deadline=None, max_examples=25)
@given(data=st.binary(max_size=40), grid=st.integers(1, 20))
def test_noise_is_refused_or_decoded(data: bytes, grid: int) -> None:
    try:
        states = decode_states(entropy.decoder(RANGE, data), grid)
    except CorruptArchive:
        return
    assert states.shape == (grid, grid, grid)


def test_the_bytes_are_those_of_the_format() -> None:
    """A change here is a new format version."""
    assert coded(sphere(8)).hex() == "fd22617e7b2a72bbe58c6012e53257073f88437155153d21c518cb5b76a64eab574205edf4ff3c"
