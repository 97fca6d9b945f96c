"""The streams of `identity`: counts that lie, numbers that are none, other containers, bombs."""

from __future__ import annotations

import lzma
import struct
from random import Random

from tests.fuzz.mutations import NUMBERS, Case, noise


def damage(r: Random, pool: list[Case]) -> Case:
    """Mostly a whole xz stream of changed content."""
    (_, part), (_, other) = r.choice(pool), r.choice(pool)
    if r.random() < 0.08:
        return b"", noise(r, part, other)
    content, how = lzma.decompress(part), r.randrange(5)
    if how == 0:
        content = struct.pack("<II", r.choice(NUMBERS) % (1 << 32), r.choice(NUMBERS) % (1 << 32)) + content[8:]
    elif how == 1:
        content = noise(r, content, lzma.decompress(other))
    elif how == 2:
        content = struct.pack("<II", 1 << 18, 0) + bytes(3 << 20) + bytes(r.choice([0, 1, 1 << 22]))
    elif how == 3:
        at = 8 + 4 * r.randrange((len(content) - 8) // 4)
        odd = struct.pack("<I", r.choice([0x7FC00000, 0x7F800000, 0xFFFFFFFF, 0x80000000]))
        content = content[:at] + odd + content[at + 4 :]
    else:
        kind, preset = r.choice([lzma.FORMAT_ALONE, lzma.FORMAT_XZ]), r.choice([0, 6])
        return b"", lzma.compress(content, format=kind, preset=preset) * r.choice([1, 2])
    return b"", lzma.compress(content, preset=0)
