"""What sets of several sizes cost: ``set_sizes.csv`` in a run folder, which ``bench set-sizes`` writes."""

from __future__ import annotations

import csv
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from bench.codec import UserError

FILE = "set_sizes.csv"


@dataclass(frozen=True)
class SetSize:
    """A codec's rate on a set of some shapes.

    Args:
        dataset: name of the whole set, as in rows.
        codec: spec.
        rate: label.
        shapes: of the set that was coded.
        failed: of these.
        bytes: of the archive.
        bytes_shared: of its shared part.
        surface_cd: mean surface error of the shapes that were measured, in 1e-3; NaN where none was.
        measured: how many these are.
        encode_s, decode_s: CPU seconds of the whole set, all threads.
    """

    dataset: str
    codec: str
    rate: str
    shapes: int
    failed: int
    bytes: int
    bytes_shared: int
    surface_cd: float
    measured: int
    encode_s: float
    decode_s: float

    @property
    def point(self) -> tuple[str, str, str, int]:
        """Set, codec, rate and size: of several lines of one point the latest counts."""
        return self.dataset, self.codec, self.rate, self.shapes

    @property
    def marginal(self) -> float:
        """Bytes of a shape's own part, mean."""
        return (self.bytes - self.bytes_shared) / self.shapes


_KINDS = {"str": str, "int": int, "float": float}
_FIELDS = {field.name: _KINDS[str(field.type)] for field in dataclasses.fields(SetSize)}


def read(folder: Path) -> list[SetSize]:
    """The lines of a run folder, the latest of each set, codec, rate and size, from the smallest on; none: no file.

    Raises:
        UserError: a line that is none.
    """
    path = folder / FILE
    if not path.exists():
        return []
    found: dict[tuple[str, str, str, int], SetSize] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(csv.DictReader(file), 2):
            try:
                size = SetSize(**{name: kind(line[name]) for name, kind in _FIELDS.items()})
            except (KeyError, TypeError, ValueError):
                what = f"{path}, line {number}, is damaged"
                raise UserError(what, "delete the file; bench set-sizes makes it") from None
            found[size.point] = size
    return sorted(found.values(), key=lambda size: size.shapes)


def append(folder: Path, size: SetSize) -> None:
    """Add a line to the file of a run folder."""
    path = folder / FILE
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _FIELDS)
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(dataclasses.asdict(size))
