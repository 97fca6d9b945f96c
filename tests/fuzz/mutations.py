"""Changes to valid bytes: blind ones, and ones that know where fields and checksums are."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable
from random import Random

from bench.codec.fields import CHECKSUM_BYTES, FieldReader, varint, with_crc32

NUMBERS = [
    *(0, 1, 2, 3, 7, 8, 16, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4096, 8191, 8192, 1 << 16, 1 << 20),
    *((1 << 24) - 1, 1 << 26, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, 1 << 62, (1 << 63) - 1),
]
"""Where counts and lengths go wrong."""

Case = tuple[bytes, bytes]
"""The shared part of a set (empty where there is none) and the part of a shape."""


def noise(r: Random, data: bytes, other: bytes) -> bytes:
    """One change that knows nothing of the format; ``other`` is another valid stream."""
    at = r.randrange(max(1, len(data)))
    how = r.randrange(8)
    if how == 0:
        return data[:at]
    if how == 1:
        return data[:at] + bytes([data[at] ^ 1 << r.randrange(8)]) + data[at + 1 :] if data else b"\0"
    if how == 2:
        return data[:at] + bytes([r.choice([0, 1, 127, 128, 255, r.randrange(256)])]) + data[at + 1 :]
    if how == 3:
        return data[:at] + other[r.randrange(len(other) + 1) :]
    if how == 4:
        return data[:at] + r.randbytes(r.randrange(1, 9)) + data[at:]
    if how == 5:
        return data[:at] + data[at + r.randrange(1, 9) :]
    if how == 6:
        return data[:at] + r.choice([b"\0", b"\xff"]) * r.randrange(1, 400)
    width = r.choice([1, 2, 4, 8])
    number = r.choice(NUMBERS) % (1 << 8 * width)
    return data[:at] + number.to_bytes(width, r.choice(["little", "big"])) + data[at + width :]


def field(r: Random, body: bytes, where: tuple[tuple[int, int], ...]) -> bytes:
    """One header field replaced, doubled, left out, or in a form that is not the shortest."""
    start, end = r.choice(where[: max(1, len(where) - 1)])
    how = r.randrange(6)
    if how <= 2:
        new = varint(r.choice(NUMBERS) if r.random() < 0.7 else r.randrange(1 << r.randrange(1, 20)))
    elif how == 3:
        new = bytes([body[start] | 128]) + b"\x80" * r.randrange(9) + b"\0"
    elif how == 4:
        new = body[start:end] * 2
    else:
        new = r.choice([b"", b"\xff" * 9, bytes([r.randrange(256)])])
    return body[:start] + new + body[end:]


def spans(decode: Callable[[bytes], object], sealed: bytes) -> tuple[tuple[int, int], ...]:
    """Where the fields of a sealed part lie: every read of its decoder from bytes of its length."""
    found: list[tuple[int, int]] = []
    original = FieldReader.raw

    def raw(self: FieldReader, count: int, name: str) -> bytes:
        start = self.position
        data = original(self, count, name)
        if len(self._data) == len(sealed) - CHECKSUM_BYTES and count:
            found.append((start, self.position))
        return data

    FieldReader.raw = raw  # type: ignore[method-assign]
    try:
        decode(sealed)
    except Exception:
        pass
    finally:
        FieldReader.raw = original  # type: ignore[method-assign]
    return tuple(found) or ((0, 1),)


class SealedParts:
    """Mutates parts that end in their CRC-32, and makes the checksum right again.

    Args:
        decode_shared, decode_part: of one valid part, to learn where its fields are.
    """

    def __init__(self, decode: Callable[[Case], object]) -> None:
        self._decode = decode
        self._spans = functools.cache(self._find)

    def __call__(self, r: Random, pool: list[Case]) -> Case:
        shared, part = r.choice(pool)
        other_shared, other_part = r.choice(pool)
        how = r.randrange(10)
        if how == 0:
            return (noise(r, shared, other_shared), part) if r.random() < 0.5 else (shared, noise(r, part, other_part))
        if how == 1 and shared:
            return other_shared, part
        if how == 2:
            return shared, with_crc32(r.randbytes(r.choice([0, 1, 2, 8, 40, 400])))
        if how <= 5 or not shared:
            return shared, self._changed(r, (shared, part), 1, other_part)
        changed = self._changed(r, (shared, part), 0, other_shared)
        return changed, part if r.random() < 0.7 else with_crc32(noise(r, part[:-CHECKSUM_BYTES], other_part))

    def _changed(self, r: Random, case: Case, which: int, other: bytes) -> bytes:
        body = case[which][:-CHECKSUM_BYTES]
        for _ in range(r.choice([1, 1, 1, 2, 4])):
            where = tuple(span for span in self._spans(case, which) if span[0] < len(body))
            body = field(r, body, where) if where and r.random() < 0.4 else noise(r, body, other)
        return with_crc32(body)

    def _find(self, case: Case, which: int) -> tuple[tuple[int, int], ...]:
        shared, part = case
        whole = (lambda data: self._decode((data, part))) if which == 0 else (lambda data: self._decode((shared, data)))
        return spans(whole, case[which])


def leading_crc(r: Random, pool: list[Case]) -> Case:
    """Parts that begin with the CRC-32 of what follows; the first bytes are changed most."""
    (_, part), (_, other) = r.choice(pool), r.choice(pool)
    if r.random() < 0.08:
        return b"", noise(r, part, other)
    stream = part[4:]
    for _ in range(r.choice([1, 1, 2, 5])):
        head = r.random() < 0.4
        stream = noise(r, stream[:60], other[4:64]) + stream[60:] if head else noise(r, stream, other[4:])
    return b"", struct.pack("<I", zlib.crc32(stream)) + stream
