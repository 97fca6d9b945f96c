"""What the page can put on an axis and into a column."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One quantity of a point.

    Args:
        name: its key in the page's data: a column of the summary.
        label: of an axis; ``short``: of a column.
        log: whether its axis is logarithmic.
        better: ``low`` or ``high``.
        digits: decimals; None for three significant digits.
        floor: the value that a perfect reconstruction gets from random samples, where there is one.
        axes: on which axes it may stand.
    """

    name: str
    label: str
    short: str
    log: bool
    better: str
    digits: int | None = None
    floor: str = ""
    axes: str = "y"


MEASURES = (
    Measure("bytes_per_shape", "Bytes per shape", "Bytes/shape", True, "low", 0, axes="x"),
    Measure("ratio", "Compression ratio (source / archive bytes)", "Ratio", True, "high", 1, axes="x"),
    Measure("surface_cd", "Surface error (×10⁻³)", "Surface", True, "low", 3),
    Measure("surface_p95", "Surface error, 95th percentile (×10⁻³)", "p95", True, "low", 3),
    Measure("cd", "CD (×10⁻³)", "CD", True, "low", 2, "cd_floor"),
    Measure("f1_005", "F1-0.005", "F1-0.005", False, "high", 3, "f1_005_floor"),
    Measure("f1_01", "F1-0.01", "F1-0.01", False, "high", 3, "f1_01_floor"),
    Measure("nc", "NC", "NC", False, "high", 3),
    Measure("surface_nc", "Surface NC", "Surface NC", False, "high", 3),
    Measure("encode_s", "Encoding, seconds a shape", "Encode s/shape", True, "low", None, axes="xy"),
    Measure("decode_s", "Decoding, seconds a shape", "Decode s/shape", True, "low", None, axes="xy"),
)

METRICS = tuple(m.name for m in MEASURES if m.axes == "y")
"""Those that each shape has."""

FLOORS = tuple(m.floor for m in MEASURES if m.floor)
