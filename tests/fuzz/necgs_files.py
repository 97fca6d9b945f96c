"""``.necgs`` files: records dropped, doubled, moved, renamed, with placements that cannot be; the real commands."""

from __future__ import annotations

import contextlib
import io
import struct
from random import Random

from bench.codec import Context, CorruptArchive
from bench.codec.fields import varint, with_crc32
from tests.fuzz.mutations import NUMBERS, noise

NAMES = [
    *("..", ".", "", "../x", "/etc/x", "a/b", "a\\b", "C:x", "CON", "NUL", "aux.txt", "x" * 251, "x" * 255, "x" * 256),
    *("é" * 127, "a\0b", "a\nb", "\u202eexe.gpj", "a\u2028b", "\ufeffa", "-rf", "~", "a ", "a.", "$HOME", "%s%n"),
    *("e\u0301", "\u00e9", "\uff0e\uff0e", "\u2215x", "x" * 248 + ".obj", "\ud7ff", "a\u200bb", "|x", "*", "<b>"),
]

Record = tuple[bytes, bytes]
"""Tag and body."""


def decode(data: bytes, context: Context) -> None:
    """``info`` and ``decompress``: exit codes and messages, and nothing outside the output folder."""
    from necgs.__main__ import main

    folder = context.scratch
    (folder / "x.necgs").write_bytes(data)
    codes, errors = [], io.StringIO()
    budget = [] if context.max_memory is None else ["--max-memory", str(context.max_memory / 2**30)]
    for command in (
        ["info", str(folder / "x.necgs"), "--json"],
        [
            "decompress",
            str(folder / "x.necgs"),
            "-o",
            str(folder / "out"),
            "--quiet",
            "--threads",  # forked: OpenMP must not start any
            "1",
            *budget,
        ],
    ):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            codes.append(main(command))
    assert not set(codes) - {0, 1, 2}, f"exit codes {codes}"
    assert not any(codes) or errors.getvalue().strip(), "it failed without a message"
    assert {path.name for path in folder.iterdir()} <= {"x.necgs", "out"}, "files outside of the output folder"
    assert all(path.suffix == ".ply" and path.is_file() for path in (folder / "out").glob("*")), "strange files"
    if any(codes):
        raise CorruptArchive(errors.getvalue())


def damage(r: Random, pool: list[bytes]) -> bytes:
    """One change to the file or its records; checksums are mostly right."""
    data, other = r.choice(pool), r.choice(pool)
    if r.random() < 0.1:
        return noise(r, data, other)
    items = records(data)
    _change(r, items, records(other))
    out = data[:7]
    for tag, body in items:
        length = varint(len(body))
        if r.random() < 0.03:
            length = r.choice([varint(r.choice(NUMBERS)), bytes([length[-1] | 128, 0]), varint(len(body) // 2)])
        out += tag + length + (with_crc32(body) if r.random() > 0.02 else noise(r, with_crc32(body), b"xyz"))
    return out


def _change(r: Random, items: list[Record], others: list[Record]) -> None:
    at, how = r.randrange(len(items)), r.randrange(8)
    tag, body = items[at]
    shape = next(index for index, (kind, _) in enumerate(items) if kind == b"M")
    name, rest = _split(items[shape][1])
    if how <= 1:
        items[at] = (tag, noise(r, body, r.choice(others)[1]))
    elif how == 2:
        items.insert(r.randrange(len(items) + 1), r.choice(items))
    elif how == 3:
        items.insert(r.randrange(len(items)), items.pop(at))
    elif how == 4:
        del items[at]
    elif how == 5:
        chosen = r.choice(NAMES).encode("utf-8", "surrogatepass") if r.random() < 0.9 else r.randbytes(r.randrange(20))
        items[shape] = (b"M", varint(len(chosen)) + chosen + rest)
    elif how == 6:
        scale = struct.pack("<f", r.choice([0.0, -1.0, 1e-45, 3e38, float("nan"), float("inf"), 1e-30, 1.0]))
        centre = b"".join(varint(r.choice([*NUMBERS, (1 << 62) + 1])) for _ in range(3))
        items[shape] = (b"M", varint(len(name)) + name + b"\1" + scale + centre + rest[5:][r.randrange(3, 12) :])
    else:
        items[-1] = (b"E", varint(r.choice(NUMBERS)) + r.choice([b"", b"\0"]))


def records(data: bytes) -> list[Record]:
    """The records of a valid file."""
    at, found = 7, []
    while at < len(data):
        tag, at, length, shift = data[at : at + 1], at + 1, 0, 0
        while True:
            byte, at = data[at], at + 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        found.append((tag, data[at : at + length]))
        at += length + 4
    return found


def _split(body: bytes) -> tuple[bytes, bytes]:
    """Name, which is short here, and the rest of a shape's record."""
    return body[1 : 1 + body[0]], body[1 + body[0] :]
