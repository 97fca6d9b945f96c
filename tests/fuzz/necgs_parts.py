"""Shared parts of NeCGS written from nothing: any decoder, any tables, few bytes of weights."""

from __future__ import annotations

from random import Random

from bench.codec.fields import FieldWriter, varint, with_crc32
from necgs.coding.bitstream import stored_shapes
from necgs.coding.frequency_table import write_levels
from necgs.decoder.spec import BLOCK_SPARSE, DecoderSpec
from necgs.decoder.weight_groups import weight_groups
from tests.fuzz.mutations import NUMBERS


def absurd_shared(r: Random) -> bytes:
    """A shared part that no encoder writes."""
    block, coder = r.random() < 0.5, r.randrange(2)
    numbers = _block_sparse(r) if block else _dense(r)
    if r.random() < 0.2:
        numbers[r.randrange(len(numbers))] = r.choice(NUMBERS)
    version = 2 if block and coder == 1 and r.random() < 0.7 else 1
    out = varint(version) + varint(coder) + varint(int(block)) + varint(len(numbers)) + b"".join(map(varint, numbers))
    out += b"\1" + r.randbytes(1) + b"\1" + r.randbytes(1)
    out += _model(r, numbers) if version == 2 else b"\1" + _table(r, coder)
    if block and coder == 1:
        out += varint(r.choice([1, 2, 100, 1023, 1024]))
        out += bytes(r.choice([0, 1, 60, 126, 127]) for _ in range(numbers[3] % 4096))
    else:
        out += b"\1" + _table(r, coder)
    return with_crc32(out + r.randbytes(r.choice([0, 1, 4, 40, 400, 4000])))


def _block_sparse(r: Random) -> list[int]:
    grid, doublings = r.choice([1, 2, 4, 8, 16]), r.randrange(0, 3)
    widths = (r.choice([1, 2, 8, 32]) for _ in range(2 * doublings + 1))
    return [grid * r.choice([1, 2, 4]) << doublings, r.choice([1, 4]), grid, r.choice([1, 2, 16, 64]), *widths]


def _dense(r: Random) -> list[int]:
    levels, grid = r.randrange(1, 4), r.choice([1, 2, 4])
    widths = (r.choice([1, 2, 8]) for _ in range(levels))
    return [grid << levels, r.choice([1, 4]), grid, r.choice([1, 2, 16]), *widths]


def _table(r: Random, coder: int) -> bytes:
    low = varint(r.choice([0, 1, 2, 5, 100, 1 << 25, 1 << 24]))
    size = r.choice([1, 2, 3, 16, 255, 4096, 8192])
    if coder == 0:
        if size == 1:
            return low + b"\1"
        depth = max(1, min(16, size.bit_length() - 1))
        return low + varint(1 << depth) + _levels([depth] * (1 << depth))
    kind = r.choice([0, 0, 1, 2, 3, 5, 255])
    if kind == 0:
        return bytes([0]) + low
    if kind == 3:
        levels = [r.choice([0, 1, 5, 31, 60, 126, 127]) for _ in range(max(2, size % 64))]
        return bytes([3]) + low + varint(len(levels)) + bytes([r.choice([1, 2, 4])]) + _levels([0, *levels[1:]])
    more = varint(r.randrange(max(2, size))) + bytes([r.choice([0, 1, 64, 126, 127])])
    return bytes([kind]) + low + varint(max(2, size)) + more


def _model(r: Random, numbers: list[int]) -> bytes:
    """Reaches, widths and kinds of all groups of weights, where the decoder is one."""
    try:
        shapes = stored_shapes(DecoderSpec.of(BLOCK_SPARSE, tuple(numbers)))
    except ValueError:
        return b""
    groups = sum(int(weight_groups(name, shape).max()) + 1 for name, shape in shapes.items())
    reaches = b"".join(varint(r.choice([0, 1, 100, 2047, 2048])) if r.random() < 0.1 else varint(2047) for _ in shapes)
    levels = [r.choice([0, 1, 60, 127, 128]) for _ in range(groups)]
    return reaches + _levels(levels) + r.randbytes(-(-sum(level > 0 for level in levels) // 8))


def _levels(levels: list[int]) -> bytes:
    out = FieldWriter()
    write_levels(out, tuple(levels))
    return out.getvalue()
