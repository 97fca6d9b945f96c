"""Lossless coding of a shape's block states: which blocks the surface enters, and on which side the others lie.

Occupied blocks are coded as an octree from the root down. The eight children of all cells of a level are coded child
position by child position, each under one of 448 contexts: the child's position, how many of the parent's three face
neighbours on the child's side are occupied, how many of the child's own face neighbours are already known to be, and
whether a child of the same parent is.
Each pass needs earlier passes only, so a pass is one vector operation. The probabilities of the contexts are constants
of the format, counted on scans, animals, CAD parts and prints; no table is stored and every shape can be decoded alone.

Blocks without surface that touch each other lie on one side of it: one bit for every connected region of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.codec import CorruptArchive
from necgs.coding.entropy import Decoder, Encoder
from necgs.decoder.spec import MAX_BLOCKS
from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE

States: TypeAlias = NDArray[np.int8]
Mask: TypeAlias = NDArray[np.bool_]
Probabilities: TypeAlias = NDArray[np.int64]
Cells: TypeAlias = tuple[NDArray[np.int64], ...]
Coder: TypeAlias = Callable[[int, Cells, Probabilities], Mask]
"""(level, cells of that level, probabilities in 1/256 that they are occupied) -> whether they are."""

ROOT_PROBABILITY = 255
ONE_SIDE_PROBABILITY = 254
INSIDE_PROBABILITIES = (232, 2)
"""In 1/256: that the root is occupied; that each region has one side; that a region lies inside, where it does not and
where it does touch the border of the grid."""

CONTEXT_PROBABILITIES = np.frombuffer(
    bytes.fromhex(
        "40808080808080808080808080803280808080808080808080808080848080808080808080808080"
        "8080df8080808080808080808080808008808087808080808080808080800c806b4580e880808080"
        "808080803480af6f80fb80808080808080806380ec9d80f38080808080808080030980b480808080"
        "80808080808007048e5f80f680808080808080801d089f9780fb80808080808080806425eba980f6"
        "80808080808080800101802580ea808080808080808002014e0b809f80f380808080808004054a0d"
        "b8b380fb80fe8080808009395708e5a480f080f980808080060880ac808080808080808080802508"
        "577680ec8080808080808080300cb19980f98080808080808080bb33f5ba80fa8080808080808080"
        "0801802480f980808080808080800b015310809a80fd80808080808004015d11b8bc80fa80ff8080"
        "80803e0f591ffcaf80f480fd808080802d01802280d380808080808080801b01771380a080fd8080"
        "8080808007019c0ce2b280f880fe80808080780a670bfda980ec80fc8080808080018014807d80fc"
        "8080808080808001e702803a80c880f8808080808004e101f82480bc80fd80fe8080803c8004e416"
        "fd6680e980fb80fe"
    ),
    dtype=np.uint8,
).astype(np.int64)
"""(8 children * 4 * 7 * 2) probabilities in 1/256 that the child is occupied."""


def encode_states(encoder: Encoder, states: States) -> None:
    """Append the block states (G, G, G) of one shape, G <= `MAX_BLOCKS`."""
    if len(states) > MAX_BLOCKS:
        raise ValueError(f"a grid of {len(states)}^3 blocks cannot be coded; at most {MAX_BLOCKS}^3")
    occupied = states == OCCUPIED
    levels = _pyramid(occupied)

    def code(level: int, cells: Cells, probabilities: Probabilities) -> Mask:
        bits: Mask = levels[level][cells]
        encoder.bits(bits, probabilities)
        return bits

    _walk([len(level) for level in levels], code)
    labels, probabilities = _regions(~occupied)
    inside = states[~occupied] == INSIDE
    sides = np.zeros(len(probabilities), dtype=bool)
    sides[labels[~occupied] - 1] = inside
    one_sided = np.array_equal(sides[labels[~occupied] - 1], inside)
    encoder.bits(np.array([one_sided]), np.array([ONE_SIDE_PROBABILITY]))
    encoder.bits(*((sides, probabilities) if one_sided else (inside, np.full(len(inside), 128))))


def decode_states(decoder: Decoder, grid: int) -> States:
    """Read the block states (grid, grid, grid) back; raises ``CorruptArchive``."""
    if grid > MAX_BLOCKS:
        raise CorruptArchive(f"a grid of {grid}^3 blocks cannot have been coded; at most {MAX_BLOCKS}^3")
    sizes = [grid]
    while sizes[0] > 1:
        sizes.insert(0, -(-sizes[0] // 2))
    occupied = _walk(sizes, lambda _, __, probabilities: decoder.bits(probabilities))
    states = np.where(occupied, OCCUPIED, OUTSIDE).astype(np.int8)
    labels, probabilities = _regions(~occupied)
    if decoder.bits(np.array([ONE_SIDE_PROBABILITY]))[0]:
        inside = decoder.bits(probabilities)[labels[~occupied] - 1]
    else:
        inside = decoder.bits(np.full(int((~occupied).sum()), 128))
    states[~occupied] = np.where(inside, INSIDE, OUTSIDE)
    return states


def child_contexts(parents: Mask, known: Mask, child: int) -> tuple[Cells, NDArray[np.int64]]:
    """The cells of one child position under the occupied ``parents``, and the context of each.

    Args:
        parents: (p, p, p) occupied cells of the level above.
        known: (n, n, n), n in 2p-1..2p, what earlier passes found on this level.
        child: 0..7, offset (child >> 2, child >> 1 & 1, child & 1) in the parent.

    Returns:
        Index arrays into ``known``, and contexts
        ``((child * 4 + parent's neighbours) * 7 + known neighbours) * 2 + known siblings, at most 1``.
    """
    offset = np.array([child >> 2, child >> 1 & 1, child & 1])
    above = np.argwhere(parents)
    above = above[(2 * above + offset < len(known)).all(axis=1)]
    cells = 2 * above + offset
    around_parents, around_known = np.pad(parents, 1), np.pad(known, 1)
    near_parent = np.zeros(len(cells), dtype=np.int64)
    near_known = np.zeros(len(cells), dtype=np.int64)
    for axis in range(3):
        step = np.eye(3, dtype=np.int64)[axis]
        near_parent += around_parents[tuple((above + 1 + step * (2 * offset[axis] - 1)).T)]
        for side in (-step, step):
            near_known += around_known[tuple((cells + 1 + side).T)]
    siblings = _merged(known)[tuple(above.T)].astype(np.int64)
    return tuple(cells.T), ((child * 4 + near_parent) * 7 + near_known) * 2 + siblings


def _walk(sizes: Sequence[int], code: Coder) -> Mask:
    """Visit the octree from the root down; ``code`` writes or reads the bits of every pass."""
    known = np.zeros((1, 1, 1), dtype=bool)
    root = tuple(np.zeros((3, 1), dtype=np.int64))
    known[root] = code(0, root, np.array([ROOT_PROBABILITY]))
    for level, size in enumerate(sizes[1:], start=1):
        parents, known = known, np.zeros((size,) * 3, dtype=bool)
        for child in range(8):
            cells, contexts = child_contexts(parents, known, child)
            known[cells] = code(level, cells, CONTEXT_PROBABILITIES[contexts])
    return known


def _pyramid(occupied: Mask) -> list[Mask]:
    """The octree levels of a grid, from a single cell down to the grid itself."""
    levels = [occupied]
    while len(levels[0]) > 1:
        levels.insert(0, _merged(levels[0]))
    return levels


def _merged(cells: Mask) -> Mask:
    """Whether any child of each cell of the level above is set."""
    even = np.pad(cells, (0, len(cells) % 2))
    half = len(even) // 2
    merged: Mask = np.asarray(even.reshape(half, 2, half, 2, half, 2).any(axis=(1, 3, 5)))
    return merged


def _regions(empty: Mask) -> tuple[NDArray[np.signedinteger], Probabilities]:
    """Connected regions of the empty blocks: labels from 1, and the probability in 1/256 that each lies inside."""
    from scipy import ndimage

    labels, count = ndimage.label(empty)
    border = np.ones(empty.shape, dtype=bool)
    border[1:-1, 1:-1, 1:-1] = False
    touching = np.isin(np.arange(1, count + 1), labels[border])
    return labels, np.array(INSIDE_PROBABILITIES)[touching.astype(np.int64)]
