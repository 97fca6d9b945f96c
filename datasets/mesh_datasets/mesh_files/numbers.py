"""Numbers written as text."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def unix_lines(data: bytes) -> bytes:
    """The text without byte-order mark and with LF alone at the ends of its lines; UTF-16 becomes UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16").encode()
    return data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def parsed(text: bytes) -> NDArray[np.float64]:
    """All numbers of a text, which white space separates; whole numbers are exact up to 2^53.

    Raises:
        ValueError: something is not a number; names it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, dtype=np.float64, sep=" ") if text.strip() else np.zeros(0)
        except (DeprecationWarning, ValueError):
            pass
    for word in text.split():
        try:
            float(word)
        except ValueError:
            raise ValueError(f"{word[:40].decode('utf-8', 'replace')!r} is not a number") from None
    return np.array(text.split(), dtype=np.float64)


def whole(numbers: NDArray[np.float64], what: str) -> NDArray[np.int64]:
    """The numbers as integers.

    Raises:
        ValueError: a number that is not whole, or is beyond 2^53.
    """
    with np.errstate(invalid="ignore"):
        wrong = ~((numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53))
    if wrong.any():
        raise ValueError(f"{what} {numbers[wrong.argmax()]:g} is not a whole number")
    return numbers.astype(np.int64)


def coordinates(rows: Sequence[str]) -> NDArray[np.float64]:
    """(v, 3): the first three numbers of each row.

    Raises:
        ValueError: a row of fewer numbers, or of something else; names it.
    """
    split = [row.split(None, 3)[:3] for row in rows]
    for number, row in enumerate(split, start=1):
        if len(row) < 3:
            raise ValueError(f"vertex {number:,} has {len(row)} coordinates")
    try:
        return np.fromiter(map(float, chain.from_iterable(split)), np.float64, 3 * len(split)).reshape(-1, 3)
    except ValueError as error:
        raise ValueError(f"a vertex is not made of numbers: {error}") from None
