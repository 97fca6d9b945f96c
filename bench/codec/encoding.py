"""Whether this process can read and write names and texts as UTF-8, as all files of the project are."""

from __future__ import annotations

import codecs
import io
import locale
import os
import sys


def encoding_complaint() -> str:
    """What is wrong with the locale and what to do; empty where nothing is.

    Windows has Unicode names whatever its code page, so it has no complaint.
    """
    names = {sys.getfilesystemencoding(), locale.getpreferredencoding(False)}
    others = sorted(name for name in names if codecs.lookup(name).name != "utf-8")
    if not others or os.name == "nt":
        return ""
    return f"the locale's encoding is {others[0]}, names and texts are UTF-8; set PYTHONUTF8=1, or LC_ALL=C.UTF-8"


def print_anything() -> None:
    """Print characters that the terminal does not know as ``\\xff`` instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
