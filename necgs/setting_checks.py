"""Checks of single settings; each error names the setting, what it may be and what it was."""

from __future__ import annotations


def check_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise ``ValueError`` unless ``value`` is one of the words ``known``."""
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")


def check_switch(name: str, value: object) -> None:
    """Raise ``ValueError`` unless ``value`` is a bool."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} is on or off, not {value!r}")


def check_whole(name: str, value: object, high: int) -> None:
    """Raise ``ValueError`` unless ``value`` is a whole number in 1..high."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= high:
        raise ValueError(f"{name} must be a whole number in 1..{high}, not {value!r}")


def check_positive(name: str, value: object, limit: float) -> None:
    """Raise ``ValueError`` unless ``value`` is a number in the open interval (0, limit)."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < limit:
        raise ValueError(f"{name} must lie between 0 and {limit:g}, not {value!r}")


def widths_of(value: int | str, high: int) -> tuple[int, ...]:
    """The numbers of a setting ``width``: one, or several joined by ``-`` (``64-48-32-24-16``).

    Raises:
        ValueError: something else, or a number that is not in 1..high.
    """
    try:
        widths = tuple(int(part) for part in value.split("-")) if isinstance(value, str) else (value,)
    except ValueError:
        raise ValueError(f"width is a number, or numbers joined by '-' (64-48-32-24-16), not {value!r}") from None
    for width in widths:
        check_whole("width", width, high)
    return widths
