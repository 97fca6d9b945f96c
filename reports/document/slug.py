"""Names of data sets and codecs as parts of file names."""

from __future__ import annotations

import hashlib


def slug(name: str) -> str:
    """Letters, digits and hyphens of ASCII, which every file system, URL and LaTeX label takes.

    A name with other letters gets a few digits of its hash, so that two of them stay apart.
    """
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name).strip("-")
    number = "" if name.isascii() else hashlib.sha256(name.encode()).hexdigest()[:6]
    return "-".join(filter(None, (plain, number))) or "data"
