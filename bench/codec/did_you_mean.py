"""Answers to a misspelt name: the nearest known one, then all of them."""

from __future__ import annotations

import difflib
from collections.abc import Collection

SHOWN = 40
"""Known names are listed up to this number; a data set may have thousands of shapes."""


def known_names(name: str, known: Collection[str], word: str = "known") -> str:
    """``did you mean 'draco'? (known: necgs, draco)``; without the question where nothing is near.

    Args:
        name: what was asked for.
        known: what there is, in the order in which it is to be listed.
        word: the word before the list.
    """
    folded = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1)
    listed = ", ".join(list(known)[:SHOWN]) + (f" and {len(known) - SHOWN} more" if len(known) > SHOWN else "")
    answer = f"{word}: {listed or 'none'}"
    return f"did you mean {folded[close[0]]!r}? ({answer})" if close else answer
