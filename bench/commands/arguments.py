"""Types of command-line arguments: numbers that are finite and in range, lists. argparse names the option at fault."""

from __future__ import annotations

import argparse
import contextlib
import math


def positive(text: str) -> int:
    """A whole number from 1 on."""
    with contextlib.suppress(ValueError):
        if (value := int(text)) >= 1:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")


def natural(text: str) -> int:
    """A whole number from 0 to 2^63 - 1: a seed."""
    with contextlib.suppress(ValueError):
        if 0 <= (value := int(text)) < 1 << 63:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^63 - 1")


def finite(text: str) -> float:
    """A finite number above 0."""
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)) and value > 0:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a finite number above 0, without a unit: 600 or 1.5")


def percentage(text: str) -> float:
    """A finite number from 0 to 100."""
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) <= 100:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 100, without a sign for percent: 2 or 0.5")


def shard(text: str) -> tuple[int, int]:
    """``I/N``: the I-th of N parts, counted from 1."""
    first, _, count = text.partition("/")
    if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form I/N with 1 <= I <= N")
    return int(first), int(count)


def names(text: str) -> list[str]:
    """Names that commas separate, one at least."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} holds no name; give one or more, comma separated")
    return found
