"""The memory that a decoder may use: so much for any archive, and more the longer its bytes are.

A few bytes can state sizes that take gigabytes. A decoder therefore works out what it is about to allocate and asks
here first; whoever trusts a file can allow more with ``--max-memory``.
"""

from __future__ import annotations

from bench.codec.errors import CorruptArchive

FLOOR = 512 << 20
"""Bytes that every archive may ask for."""

PER_BYTE = 32 << 10
"""Bytes of memory that each coded byte allows beyond: ten times what trained networks of the paper's sizes need."""


def allowed_memory(coded: int, limit: int | None = None, floor: int = FLOOR) -> int:
    """Bytes of memory that ``coded`` bytes of an archive may ask for; arguments as of `check_memory`."""
    return floor + PER_BYTE * coded if limit is None else limit


def check_memory(needed: int, coded: int, what: str, limit: int | None = None, floor: int = FLOOR) -> None:
    """Refuse an allocation that the archive's length does not justify.

    Args:
        needed: bytes of memory.
        coded: bytes of the archive that ask for them.
        what: the part, for the message.
        limit: bytes allowed whatever the length; None: ``floor``, and `PER_BYTE` for each coded byte.
        floor: bytes that every archive of this codec may ask for.

    Raises:
        CorruptArchive: more than is allowed.
    """
    allowed = allowed_memory(coded, limit, floor)
    if needed > allowed:
        raise CorruptArchive(
            f"{what}: {coded} bytes ask for {needed >> 20} MiB of memory; {allowed >> 20} MiB are allowed",
            "where the file can be trusted, --max-memory allows more",
        )
