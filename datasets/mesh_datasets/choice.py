"""The choice that is made when no split file says which shapes to take."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")


def seeded_choice(items: Sequence[Item], count: int, seed: int, name: Callable[[Item], str] = str) -> list[Item]:
    """Choose ``count`` items at random, the same on every machine; all when there are fewer. Keeps the given order.

    Every item draws SHA-256("seed:name"); the smallest draws win. So the choice depends on names only, a choice of 200
    is part of the choice of 500, and an item more or less in the data changes at most one chosen item.
    """
    if count >= len(items):
        return list(items)
    draws = [hashlib.sha256(f"{seed}:{name(item)}".encode()).digest() for item in items]
    chosen = sorted(range(len(items)), key=draws.__getitem__)[:count]
    return [items[index] for index in sorted(chosen)]


def described(count: int, available: int, seed: int) -> dict[str, Any]:
    """The choice in words and numbers, for the provenance of the set."""
    if count >= available:
        note = f"all {available} shapes that were found" + (f"; {count} were wanted" if count > available else "")
        return {"selection": note, "wanted": count, "available": available}
    note = f"{count} of {available} shapes at random, seed {seed}"
    return {"selection": note, "wanted": count, "available": available, "seed": seed}
