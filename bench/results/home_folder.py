"""Home folders in what is written down: a run folder or report that is passed on names nobody."""

from __future__ import annotations

import re
from pathlib import Path


def without_home(text: str) -> str:
    """A path or command line in which ``~`` stands for home folders."""
    if (home := Path.home()).parent != home:
        text = re.sub(re.escape(str(home)) + r"(?![^/\s,;:'\"()])", "~", text)
    return re.sub(r"/(home|Users)/[^/\s]+", "~", text)
