"""What is known of the terminal: its width, and whether it wants colour."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """``text`` in a colour of `CODES` where ``stream`` is a terminal that wants it (https://no-color.org)."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb" or not stream.isatty()
    return text if plain else f"\x1b[{CODES[colour]}m{text}\x1b[0m"


def width() -> int | None:
    """Columns of the terminal, or as ``COLUMNS`` says; None where the output goes to a file or another program."""
    if os.environ.get("COLUMNS", "").isdigit():
        return int(os.environ["COLUMNS"])
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
