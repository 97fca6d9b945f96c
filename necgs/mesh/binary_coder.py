"""A binary arithmetic coder for models that change with every bit, in 64-bit integers throughout.

Connectivity and vertices are coded one decision at a time, each under a probability that depends on all decisions
before it. That has to run inside compiled loops, so the coder is compiled as well: an interval of 48 bits, carried
without carries (as in Mahoney's PAQ), 16-bit probabilities. One function serves both directions: it takes the bit to
write, or returns the one it read.

Bytes behind the end of the data count as zeros, so an encoder leaves trailing zeros out; a decoder that needs many of
them has lost its way, which `ended_well` tells.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.compiled import inner

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

LOW, HIGH, CODE, POSITION, DECODES = range(5)
"""Indices of a coder's state: the interval's ends; the value being decoded; the next byte; 1 in a decoder."""

MASK = (1 << 48) - 1
TOP = 40
SLACK = 8
"""Bytes behind the end that a sound stream may need: the six that fill a decoder, and two zeros left out."""

MAX_PER_BYTE = 64
"""A stream of n bytes holds at most 64 (n + 1) faces or vertices; encoders keep to it, decoders refuse more."""


T = TypeVar("T")


class Coder(NamedTuple):
    """Either direction: five integers, see `LOW` and the others, and the bytes."""

    state: Integers
    buffer: Bytes


def writer(capacity: int) -> Coder:
    """An encoder that has room for ``capacity`` bytes."""
    return Coder(np.array([0, MASK, 0, 0, 0], dtype=np.int64), np.zeros(capacity, dtype=np.uint8))


def reader(data: bytes) -> Coder:
    """A decoder."""
    first = int.from_bytes(data[:6].ljust(6, b"\0"), "big")
    # writable like an encoder's, so that compiled code needs one signature
    buffer = np.frombuffer(bytearray(data), dtype=np.uint8)
    return Coder(np.array([0, MASK, first, 6, 1], dtype=np.int64), buffer)


def written(write: Callable[[Coder], T], room: int) -> tuple[Coder, T]:
    """An encoder after ``write``, and what that returns; called again with more room until the bytes fit."""
    while True:
        coder = writer(room)
        result = write(coder)
        if coder.state[POSITION] + 6 <= len(coder.buffer):
            return coder, result
        room *= 4


def finished(coder: Coder) -> bytes:
    """The stream of an encoder, in the fewest bytes that decode to it."""
    low, high = int(coder.state[LOW]), int(coder.state[HIGH])
    for count in range(7):
        unit = 1 << 8 * (6 - count)
        value = -(-low // unit) * unit
        if value <= high:
            break
    data = coder.buffer[: coder.state[POSITION]].tobytes() + value.to_bytes(7, "big")[1 : 1 + count]
    return data[: max(len(data.rstrip(b"\0")), int(coder.state[POSITION]) - SLACK + 6)]


def padded(data: bytes, count: int) -> bytes:
    """Zeros appended where a stream of ``count`` faces or vertices is shorter than a decoder demands."""
    return data + bytes(max(0, -(-count // MAX_PER_BYTE) - 1 - len(data)))


def ended_well(coder: Coder) -> bool:
    """Whether a decoder stayed within its data."""
    return bool(coder.state[POSITION] <= len(coder.buffer) + SLACK)


@inner
def is_lost(coder: Coder) -> bool:
    """Whether a decoder has left its data: what comes is of no use, and a loop may end. Never of an encoder."""
    return bool(coder.state[DECODES]) and coder.state[POSITION] > len(coder.buffer) + SLACK


@inner
def code_bit(coder: Coder, bit: int, chance: int) -> int:
    """Write ``bit``, or read one; ``chance`` of a one in 2^-16, 1..65535."""
    state, buffer = coder
    low, high = state[LOW], state[HIGH]
    span = high - low
    middle = low + (span >> 16) * chance + (((span & 65535) * chance) >> 16)
    if state[DECODES]:
        bit = 1 if state[CODE] <= middle else 0
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) >> TOP == 0:
        position = state[POSITION]
        if state[DECODES]:
            following = np.int64(buffer[position]) if position < len(buffer) else np.int64(0)
            state[CODE] = ((state[CODE] << 8) & MASK) | following
        elif position < len(buffer):
            buffer[position] = high >> TOP
        state[POSITION] = position + 1
        low = (low << 8) & MASK
        high = ((high << 8) & MASK) | 255
    state[LOW], state[HIGH] = low, high
    return bit


@inner
def code_even(coder: Coder, value: int, count: int) -> int:
    """Write or read one of 0..count-1, all alike, by halving."""
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) >> 1
        chance = ((high - middle) << 16) // (high - low)
        if code_bit(coder, np.int64(value >= middle), chance):
            low = middle
        else:
            high = middle
    return low
