"""Split files: one shape a line, in the list format of the data set. Empty lines and ``#`` comments are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mesh_datasets.errors import InvalidSplit

Key = TypeVar("Key")


@dataclass(frozen=True)
class SplitLine:
    """A line that names a shape, and where it stands."""

    path: Path
    number: int
    text: str

    def error(self, fault: str) -> InvalidSplit:
        """An error that names the line."""
        return InvalidSplit(f"{self.path}, line {self.number}: {self.text!r} {fault}")


def read_split(path: Path) -> list[SplitLine]:
    """Read the lines of a split file.

    Raises:
        InvalidSplit: the file is missing, not text, empty, or names a shape twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSplit(f"split file {path} cannot be read: {error}") from None
    lines = [SplitLine(path, number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    named = [line for line in lines if line.text and not line.text.startswith("#")]
    if not named:
        raise InvalidSplit(f"split file {path} names no shape")
    first: dict[str, int] = {}
    for line in named:
        if first.setdefault(line.text, line.number) != line.number:
            raise line.error(f"stands on line {first[line.text]} already")
    return named


def parsed(lines: Iterable[SplitLine], parse: Callable[[str], Key | None], form: str) -> list[Key]:
    """The keys that the lines name, in order.

    Args:
        lines: from `read_split`.
        parse: the key of a line, or None where it is not of the set's list format.
        form: an example of that format, for the message.

    Raises:
        InvalidSplit: a line of another form; a shape named twice.
    """
    keys: dict[Key, SplitLine] = {}
    for line in lines:
        key = parse(line.text)
        if key is None:
            raise line.error(f"is not of the form {form!r}")
        if key in keys:
            raise line.error(f"names the same shape as line {keys[key].number}")
        keys[key] = line
    return list(keys)


def require_all(keys: Iterable[object], missing: list[str], root: Path, split: Path) -> None:
    """Raise `InvalidSplit` when ``missing`` shapes of the split are not below ``root``."""
    if missing:
        total = len(list(keys))
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise InvalidSplit(
            f"{len(missing)} of the {total} shapes in {split} are not below {root}: {shown}",
            "complete the data, or shorten the split",
        )
