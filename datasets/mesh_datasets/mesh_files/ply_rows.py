"""The rows of a PLY file: what stands behind its header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mesh_datasets.mesh_files.numbers import parsed, unix_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray


_PADDING = np.frombuffer(b"\0 \t\r\n", np.uint8)


@dataclass(frozen=True)
class Property:
    """One property: numpy's codes for the type of its values and, for a list, for the type of its length."""

    name: str
    value: str
    length: str = ""


@dataclass(frozen=True)
class Element:
    """One element of the header: its name, how many rows it states, and their properties."""

    name: str
    count: int
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class Column:
    """One property of all rows.

    Args:
        values: of all rows, one after another.
        sizes: int64 (rows,), how many values each row has.
    """

    values: NDArray[Any]
    sizes: NDArray[np.int64]


@dataclass(frozen=True)
class _Units:
    """The rows as units of one size: the bytes of a binary file, or the numbers of a text (``order`` is empty)."""

    units: NDArray[Any]
    order: str

    def width(self, code: str) -> int:
        """Units that a value takes."""
        return np.dtype(code).itemsize if self.order else 1

    def decoded(self, block: NDArray[Any], code: str) -> NDArray[Any]:
        """The values in a block of units, flat."""
        return np.ascontiguousarray(block).reshape(-1).view(self.order + code) if self.order else block.reshape(-1)

    def length(self, at: int, code: str, name: str) -> int:
        """The length of a list."""
        stop = at + self.width(code)
        if stop > len(self.units):
            raise EOFError
        value = float(self.decoded(self.units[at:stop], code)[0])
        if value < 0 or value != int(value):
            raise ValueError(f"a list {name} states a length of {value:g}")
        return int(value)


def read_rows(body: bytes, order: str, elements: list[Element]) -> dict[str, dict[str, Column]]:
    """Element -> property -> column.

    Args:
        body: what stands behind the header.
        order: ``<`` or ``>`` for binary rows, empty for text.
        elements: what the header states.

    Raises:
        ValueError: fewer or more rows than stated; values that are not numbers.
    """
    if order:
        return _read(_Units(np.frombuffer(body, np.uint8), order), elements)
    text = unix_lines(body)
    try:
        return _read(_Units(parsed(text), ""), elements)
    except ValueError:
        lines = [line for line in text.split(b"\n") if line.strip()]
        if len(lines) != sum(element.count for element in elements):
            raise
    # Some programs (old MeshLab) write more numbers into a line than their header states.
    return _read(_Units(_stated(lines, elements), ""), elements)


def _stated(lines: list[bytes], elements: list[Element]) -> NDArray[np.float64]:
    """The numbers of each line that the header speaks of."""
    kept, at = [np.zeros(0)], 0
    for element in elements:
        for line in lines[at : at + element.count]:
            row = _Units(parsed(line), "")
            try:
                kept.append(row.units[: _row(row, element, 0)[1]])
            except EOFError:
                what = f"{element.name} in the line {line[:40].decode('latin-1')!r}"
                raise ValueError(f"{what} has fewer numbers than its header states") from None
        at += element.count
    return np.concatenate(kept)


def _read(source: _Units, elements: list[Element]) -> dict[str, dict[str, Column]]:
    """The columns of all elements. Raises ValueError where fewer or more rows are there than stated."""
    columns, at, least = {}, 0, 1
    for element in elements:
        smallest = sum(source.width(entry.length or entry.value) for entry in element.properties)
        if element.count * smallest > len(source.units) - at:
            fits = (len(source.units) - at) // smallest
            raise ValueError(f"the header states {element.count:,} rows of {element.name}, at most {fits:,} are there")
        if element.count and element.properties:
            columns[element.name], at = _columns(source, element, at)
            least = smallest
    # Line ends and padding may follow binary rows, further rows may not.
    behind = source.units[at:]
    if source.order:
        behind = behind[: np.flatnonzero(~np.isin(behind, _PADDING)).max(initial=-1) + 1]
    if len(behind) >= least:
        what = "bytes" if source.order else "numbers"
        raise ValueError(f"{len(source.units) - at:,} {what} follow the last row that the header states")
    return columns


def _columns(source: _Units, element: Element, at: int) -> tuple[dict[str, Column], int]:
    """All rows of an element and where they end: at once where all are as long as the first, else row by row."""
    try:
        layout, stop = _row(source, element, at)
        width = stop - at
        if width * element.count <= len(source.units) - at:
            block = source.units[at : at + width * element.count].reshape(element.count, width)
            if _all_alike(source, element, block, [(first - at, size) for first, size in layout]):
                sizes = [(first - at, size) for first, size in layout]
                return _fixed(source, element, block, sizes), at + width * element.count
        return _varying(source, element, at)
    except EOFError:
        raise ValueError(
            f"it ends before the {element.count:,} rows of {element.name} that its header states"
        ) from None


def _row(source: _Units, element: Element, at: int) -> tuple[list[tuple[int, int]], int]:
    """Where the values of each property of the row at ``at`` begin, and how many there are; where the row ends."""
    layout = []
    for entry in element.properties:
        size = 1
        if entry.length:
            size = source.length(at, entry.length, entry.name)
            at += source.width(entry.length)
        layout.append((at, size))
        at += size * source.width(entry.value)
    if at > len(source.units):
        raise EOFError
    return layout, at


def _all_alike(source: _Units, element: Element, block: NDArray[Any], layout: list[tuple[int, int]]) -> bool:
    """Whether the lists of all rows are as long as those of the first."""
    for entry, (first, size) in zip(element.properties, layout, strict=True):
        if entry.length:
            lengths = source.decoded(block[:, first - source.width(entry.length) : first], entry.length)
            if not (lengths == size).all():
                return False
    return True


def _fixed(source: _Units, element: Element, block: NDArray[Any], layout: list[tuple[int, int]]) -> dict[str, Column]:
    columns = {}
    for entry, (first, size) in zip(element.properties, layout, strict=True):
        values = source.decoded(block[:, first : first + size * source.width(entry.value)], entry.value)
        columns[entry.name] = Column(values, np.full(element.count, size))
    return columns


def _varying(source: _Units, element: Element, at: int) -> tuple[dict[str, Column], int]:
    runs: list[list[NDArray[Any]]] = [[] for _ in element.properties]
    sizes: list[list[int]] = [[] for _ in element.properties]
    widths = [source.width(entry.value) for entry in element.properties]
    for _ in range(element.count):
        layout, at = _row(source, element, at)
        for number, (first, size) in enumerate(layout):
            runs[number].append(source.units[first : first + size * widths[number]])
            sizes[number].append(size)
    return {
        entry.name: Column(source.decoded(np.concatenate(run), entry.value), np.array(size, dtype=np.int64))
        for entry, run, size in zip(element.properties, runs, sizes, strict=True)
    }, at
