"""LEB128: small unsigned integers in few bytes."""

from __future__ import annotations

from bench.codec import CorruptArchive

LONGEST = 5


def leb128(value: int) -> bytes:
    """Seven bits a byte, lowest first, the top bit set on all bytes but the last."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_leb128(data: bytes, at: int) -> tuple[int, int]:
    """The integer at ``at`` and the position behind it; at most 35 bits.

    Raises:
        CorruptArchive: when the bytes end before the number does, or it does not end.
    """
    value = 0
    for index, byte in enumerate(data[at : at + LONGEST]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise CorruptArchive("a count in the stream is cut")
