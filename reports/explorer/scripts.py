"""The page's own scripts, and the library that draws its plots."""

from __future__ import annotations

from importlib.resources import files

from bench.codec import UserError


class LibraryChanged(UserError):
    """The installed mpld3 does not bring d3 in the form that is known."""


def own_script(name: str) -> str:
    """One of our files of JavaScript."""
    return (files("reports.explorer") / f"{name}.js").read_text(encoding="utf-8")


def d3() -> str:
    """d3 5 (BSD 3-clause, 0.24 MB), as mpld3 carries it. Raises `LibraryChanged`."""
    try:
        text = (files("mpld3") / "js" / "d3.v5.min.js").read_text(encoding="utf-8")
    except (OSError, ImportError) as error:
        raise LibraryChanged(f"mpld3's copy of d3 cannot be read: {error}; pin mpld3 as in constraints.txt") from None
    if "https://d3js.org v5" not in text[:100] or "</script" in text:
        raise LibraryChanged("mpld3's copy of d3 has another form than expected; pin mpld3 as in constraints.txt")
    return text
