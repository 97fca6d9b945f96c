"""Adaptive model and arithmetic coder of octree occupancy bits, in integer arithmetic so that every machine agrees.

A node's eight children are coded one bit each, nodes in raster order, level by level. A child's neighbourhood is
known in part: children of earlier nodes are known; those of later nodes are known to be empty where the node is.
Ten contexts look at that neighbourhood; each owns a table of adaptive bit probabilities, and two logistic mixers
weigh them (Mahoney, "Adaptive weighing of context models for lossless data compression", 2005). The arithmetic
coder is the 32-bit carry-less binary coder of that family of compressors. It stands here, not in a library, because
the model has to see each bit before the next one can be decoded.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

CONTEXTS = 10
TABLE_BITS = 20
INPUTS = CONTEXTS + 1
MIXERS = 256
ONE = 1 << 16
# Probabilities stay this far from 0 and 1 (in 1/65536): the least that one coded bit can cost follows from it.
MARGIN = 24
STRETCH_LIMIT = 2815
REFINE_STEP = 176
REFINE_CONTEXTS = 512
COUNT_LIMIT = 60
LEARNING_RATE = 28
EMPTY, FULL, UNKNOWN = 0, 1, 2
BITS_PER_DECISION = -math.log2(1 - MARGIN / ONE)
_MASK21 = (1 << 21) - 1


class Coder(NamedTuple):
    """All state of one coding pass; the encoder's and the decoder's are equal after equal bits. About 32 MB.

    ``interval`` holds low, high, the decoder's code word and the position in ``stream``.
    """

    stream: NDArray[np.uint8]
    interval: Ints
    probability: NDArray[np.uint16]
    counts: NDArray[np.uint8]
    weights: Ints
    refine: Ints
    stretch: NDArray[np.int32]
    squash: NDArray[np.int32]
    rate: NDArray[np.int32]
    trust: NDArray[np.int32]


def new_coder(stream: NDArray[np.uint8], *, decode: bool) -> Coder:
    """A coder in its first state; a decoder has read its first four bytes."""
    interval = np.array([0, 0xFFFFFFFF, 0, 0], np.int64)
    if decode:
        first = bytes(stream[:4]).ljust(4, b"\0")
        interval[2:] = int.from_bytes(first, "big"), 4
    logit = [(i + 0.5) / 4096 for i in range(4096)]
    squash = [ONE / (1 + math.exp(-s / 256)) for s in range(-STRETCH_LIMIT, STRETCH_LIMIT + 1)]
    squash_table = np.array([min(max(round(p), MARGIN), ONE - MARGIN) for p in squash], np.int32)
    knots = np.minimum(np.arange(33) * REFINE_STEP, 2 * STRETCH_LIMIT)
    return Coder(
        stream=stream,
        interval=interval,
        probability=np.full((CONTEXTS, 1 << TABLE_BITS), ONE // 2, np.uint16),
        counts=np.zeros((CONTEXTS, 1 << TABLE_BITS), np.uint8),
        weights=np.full((2, MIXERS, INPUTS), round(0.3 * ONE), np.int64),
        refine=np.repeat(squash_table[knots].astype(np.int64)[None], REFINE_CONTEXTS, axis=0),
        stretch=np.array([round(256 * math.log(p / (1 - p))) for p in logit], np.int32),
        squash=squash_table,
        rate=np.array([round(ONE / (n + 1.6)) for n in range(COUNT_LIMIT + 1)], np.int32),
        trust=np.array([round(256 * n / (n + 0.4)) for n in range(COUNT_LIMIT + 1)], np.int32),
    )


def flush(coder: Coder) -> bytes:
    """The bytes written by an encoder, and the one that lands in the last interval when zeros follow it."""
    return bytes(coder.stream[: int(coder.interval[3])]) + bytes([int(coder.interval[1]) >> 24])


@numba.njit(cache=True)
def code_level(coder: Coder, nodes: Ints, masks: Ints, height: int, decode: bool) -> None:  # pragma: no cover
    """Code the occupancy of all nodes of one level.

    Args:
        coder: state, changed.
        nodes: (n,) keys ``x << 42 | y << 21 | z`` in rising order.
        masks: (n,) occupancy; child ``4 x + 2 y + z`` is bit ``7 - child``. Read when encoding, written when decoding.
        height: levels below this one.
        decode: read the bits from the stream instead of from ``masks``.
    """
    pointers = np.zeros(9, np.int64)
    cells = np.zeros(216, np.int64)
    occupied = np.zeros(27, np.int64)
    slots = np.empty(CONTEXTS, np.int64)
    inputs = np.empty(INPUTS, np.int64)
    for i in range(len(nodes)):
        _gather(nodes, masks, i, pointers, cells, occupied)
        faces = occupied[4] | occupied[22] << 1 | occupied[10] << 2 | occupied[16] << 3
        faces |= occupied[12] << 4 | occupied[14] << 5
        around = occupied.sum()
        mask = 0
        for child in range(8):
            cell = ((2 + (child >> 2)) * 6 + 2 + ((child >> 1) & 1)) * 6 + 2 + (child & 1)
            bit = 1
            if child < 7 or mask:
                selector, refine = _contexts(cells, cell, child, mask, faces, around, slots)
                bit = _code(coder, slots, inputs, selector, refine, height, (masks[i] >> (7 - child)) & 1, decode)
            mask |= bit << (7 - child)
            cells[cell] = bit
        masks[i] = mask


@numba.njit(cache=True)
def _gather(nodes: Ints, masks: Ints, i: int, pointers: Ints, cells: Ints, occupied: Ints) -> None:  # pragma: no cover
    """Fill the 6 x 6 x 6 cells around node ``i``, which is cells 2 and 3 of each axis, and its 27 nodes' occupancy.

    One pointer per row of neighbours walks along with ``i``: a merge, not a search.
    """
    n = len(nodes)
    x, y, z = nodes[i] >> 42, (nodes[i] >> 21) & _MASK21, nodes[i] & _MASK21
    for row in range(9):
        a, b = row // 3, row % 3
        inside = x + a >= 1 and y + b >= 1
        start = ((x + a - 1) << 42) + ((y + b - 1) << 21) + z - 1
        j = pointers[row]
        if inside:
            while j < n and nodes[j] < start:
                j += 1
            pointers[row] = j
        for c in range(3):
            state = EMPTY
            mask = 0
            if inside and z + c >= 1:
                while j < n and nodes[j] < start + c:
                    j += 1
                if j < n and nodes[j] == start + c:
                    state = FULL if j < i else UNKNOWN
                    mask = masks[j]
            occupied[row * 3 + c] = 1 if state != EMPTY else 0
            corner = (a * 12 + b * 2) * 6 + c * 2
            for child in range(8):
                at = corner + (child >> 2) * 36 + ((child >> 1) & 1) * 6 + (child & 1)
                cells[at] = (mask >> (7 - child)) & 1 if state == FULL else state


@numba.njit(cache=True, inline="always")
def _slot(value: int, salt: int) -> int:  # pragma: no cover
    h = (value + salt * 0x1E3779B97F4A7C15) * 0x2545F4914F6CDD1D
    h ^= h >> 29
    h *= 0x1F58476D1CE4E5B9
    return (h >> 30) & ((1 << TABLE_BITS) - 1)


@numba.njit(cache=True, inline="always")
def _patch(cells: Ints, middle: int, step_a: int, step_b: int) -> int:  # pragma: no cover
    """The states of 3 x 3 cells as one number."""
    value = 0
    for a in range(-1, 2):
        for b in range(-1, 2):
            value = value * 3 + cells[middle + a * step_a + b * step_b]
    return value


@numba.njit(cache=True)
def _contexts(
    cells: Ints, cell: int, child: int, mask: int, faces: int, around: int, slots: Ints
) -> tuple[int, int]:  # pragma: no cover
    """Fill the table slot of every context; return the first mixer's selector and the refinement's context."""
    full = unknown = states = known = open_cells = at = 0
    for dx in range(-36, 37, 36):
        for dy in range(-6, 7, 6):
            for dz in range(-1, 2):
                if dx == 0 and dy == 0 and dz == 0:
                    continue
                state = cells[cell + dx + dy + dz]
                states = states * 3 + state
                if state == FULL:
                    full |= 1 << at
                    known += 1
                elif state == UNKNOWN:
                    unknown |= 1 << at
                    open_cells += 1
                at += 1
    touching = unclear = 0
    for side, k in enumerate((4, 10, 12, 13, 15, 21)):  # the six face neighbours among the 26
        touching += (full >> k) & 1
        unclear |= ((unknown >> k) & 1) << side
    far = 0
    for step in (72, -72, 12, -12, 2, -2):
        far = far * 3 + cells[cell + step]
    siblings = (1 << child) | (mask >> (8 - child))
    slots[0] = _slot(faces << 8 | siblings, 1)
    slots[1] = _slot((((known * 27 + open_cells) * 7 + touching) * 64 + unclear) * 8 + child, 2)
    slots[2] = _slot(((full & 0x1FFF) << 6 | unclear) * 8 + child, 3)
    slots[3] = _slot(((full | unknown) >> 13) << 8 | siblings, 4)
    slots[4] = _slot(((full & 0x1FF) * 19683 + _patch(cells, cell - 72, 6, 1)) * 8 + child, 5)
    slots[5] = _slot((_patch(cells, cell - 6, 36, 1) * 19683 + _patch(cells, cell - 12, 36, 1)) * 8 + child, 6)
    slots[6] = _slot((_patch(cells, cell - 1, 36, 6) * 19683 + _patch(cells, cell - 2, 36, 6)) * 8 + child, 7)
    slots[7] = _slot(states * 8 + child, 8)
    slots[8] = _slot((states * 729 + far) * 8 + child, 9)
    slots[9] = _slot(((around * 64 + faces) * 27 + known) * 8 + child, 10)
    return child * 28 + open_cells, (touching * 8 + child) * 8 + min(known, 15) // 2


@numba.njit(cache=True)
def _code(
    coder: Coder, slots: Ints, inputs: Ints, selector: int, refine: int, height: int, bit: int, decode: bool
) -> int:  # pragma: no cover
    """Predict one bit, code it (or read it), and learn from it."""
    seen = 0
    for k in range(CONTEXTS):
        count = coder.counts[k, slots[k]]
        inputs[k] = (coder.stretch[coder.probability[k, slots[k]] >> 4] * coder.trust[count]) >> 8
        seen += 1 if count > 3 else 0
    inputs[CONTEXTS] = 64
    other = min(height, 7) * INPUTS + seen
    dot = np.int64(0)
    dot_other = np.int64(0)
    for k in range(INPUTS):
        dot += coder.weights[0, selector, k] * inputs[k]
        dot_other += coder.weights[1, other, k] * inputs[k]
    s = _clamp(dot >> 16, -STRETCH_LIMIT, STRETCH_LIMIT)
    s_other = _clamp(dot_other >> 16, -STRETCH_LIMIT, STRETCH_LIMIT)
    at = ((s + s_other) >> 1) + STRETCH_LIMIT
    knot = min(at // REFINE_STEP, 31)
    part = at - knot * REFINE_STEP
    refined = (coder.refine[refine, knot] * (REFINE_STEP - part) + coder.refine[refine, knot + 1] * part) // REFINE_STEP
    p = _clamp((coder.squash[at] + refined) >> 1, MARGIN, ONE - MARGIN)
    bit = _arithmetic(coder, p, bit, decode)
    goal = ONE if bit else 0
    error = ((goal - coder.squash[s + STRETCH_LIMIT]) * LEARNING_RATE) >> 10
    error_other = ((goal - coder.squash[s_other + STRETCH_LIMIT]) * LEARNING_RATE) >> 10
    for k in range(INPUTS):
        coder.weights[0, selector, k] += (inputs[k] * error) >> 10
        coder.weights[1, other, k] += (inputs[k] * error_other) >> 10
    for k in range(CONTEXTS):
        count = coder.counts[k, slots[k]]
        old = np.int64(coder.probability[k, slots[k]])
        new = old + (((goal - old) * coder.rate[count]) >> 16)
        coder.probability[k, slots[k]] = _clamp(new, MARGIN, ONE - MARGIN)
        if count < COUNT_LIMIT:
            coder.counts[k, slots[k]] = count + 1
    near = knot + (1 if 2 * part >= REFINE_STEP else 0)
    coder.refine[refine, near] += (goal - coder.refine[refine, near]) >> 6
    return bit


@numba.njit(cache=True, inline="always")
def _clamp(value: Any, low: int, high: int) -> int:  # pragma: no cover
    clamped: int = min(max(value, low), high)
    return clamped


@numba.njit(cache=True)
def _arithmetic(coder: Coder, p: int, bit: int, decode: bool) -> int:  # pragma: no cover
    """Code one bit whose probability of being 1 is ``p`` / 65536."""
    low, high = coder.interval[0], coder.interval[1]
    span = high - low
    middle = low + (span >> 16) * p + (((span & 0xFFFF) * p) >> 16)
    if decode:
        bit = 1 if coder.interval[2] <= middle else 0
    if bit:
        high = middle
    else:
        low = middle + 1
    while ((low ^ high) & 0xFF000000) == 0:
        at = coder.interval[3]
        coder.interval[3] = at + 1
        if decode:
            byte = np.int64(coder.stream[at]) if at < len(coder.stream) else np.int64(0)
            coder.interval[2] = ((coder.interval[2] << 8) | byte) & 0xFFFFFFFF
        else:
            coder.stream[at] = high >> 24
        low = (low << 8) & 0xFFFFFFFF
        high = ((high << 8) & 0xFFFFFFFF) | 0xFF
    coder.interval[0] = low
    coder.interval[1] = high
    return bit
