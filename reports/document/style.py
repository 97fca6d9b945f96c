"""How figures look: one colour and one marker per codec everywhere, type that fits a two-column paper."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bench.results.spec import codec_name

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axis import Axis

COLUMN = 3.35
"""Width of one column of a two-column paper, inches."""

PAGE = 6.9
"""Width of both columns, inches."""

FORMATS = ("png", "svg", "pdf")

# This project's own first: they differ in lightness too, so print without colour keeps them apart. Most are colours of
# Okabe and Ito or stay apart for colour-blind readers in the same way; what shares a marker has colours far apart.
_KNOWN = {
    "necgs": ("#D55E00", "o"),
    "meshset": ("#000000", "D"),
    "hybrid": ("#E69F00", "P"),
    "necgs-paper": ("#332288", "X"),
    "draco": ("#0072B2", "s"),
    "draco-simplify": ("#56B4E9", "v"),
    "meshopt": ("#A15CE6", "H"),
    "meshopt-simplify": ("#A61983", "d"),
    "quantize-zstd": ("#8C510A", "s"),
    "gpcc": ("#009E73", "^"),
    "gpcc-octree": ("#44AA99", "<"),
    "gpcc-trisoup": ("#117733", ">"),
    "vpcc": ("#CC5252", "8"),
    "pcgcv2": ("#CC79A7", "*"),
    "quantdeepsdf": ("#882255", "p"),
    "octree": ("#999933", "h"),
    "identity": ("#555555", "d"),
}
_SPARE_COLOURS = ("#2222E6", "#59590D", "#3E2459", "#52CC70", "#9A9A9A", "#7A4B3A")
_SPARE_MARKERS = ("8", "H", "*", "<", ">", "^", "v", "p", "h", "d")
_STEPS = ((10, (1, 2, 3, 5)), (2000, (1, 2, 5)), (20_000, (1, 3)), (float("inf"), (1,)))
_SHORT = 4.0
"""A logarithmic axis whose ends differ by less than this factor has evenly spaced ticks."""

_DASHES = ("", (4, 1.5), (1, 1), (3, 1, 1, 1), (5, 1, 1, 1, 1, 1))

_PAPER: Any = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.linewidth": 0.3,
    "grid.color": "#dddddd",
    "lines.linewidth": 1.1,
    "lines.markersize": 4,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "figure.dpi": 100,
    "savefig.dpi": 220,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "necgs-bench",
}


@dataclass(frozen=True)
class Look:
    """How one codec is drawn; variants of a codec share its hue and marker and differ in shade and dashes."""

    colour: str
    marker: str
    dashes: str | tuple[float, ...]


def in_order(codecs: Iterable[str]) -> list[str]:
    """Distinct codecs in the order of every legend and table: the known ones first, then by name."""
    known = list(_KNOWN)

    def place(codec: str) -> tuple[int, str]:
        name = codec_name(codec)
        return (known.index(name) if name in known else len(known), codec)

    return sorted(set(codecs), key=place)


def looks(codecs: Sequence[str]) -> dict[str, Look]:
    """The look of each codec. Known codecs and those of other packages keep theirs from figure to figure."""
    found: dict[str, Look] = {}
    variants: dict[str, int] = {}
    for codec in codecs:
        name = codec_name(codec)
        colour, marker = _KNOWN.get(name) or _spare(name)
        number = variants.setdefault(name, 0)
        variants[name] += 1
        found[codec] = Look(_shade(colour, number), marker, _DASHES[number % len(_DASHES)])
    return found


def apart(codecs: Sequence[str]) -> dict[str, Look]:
    """Looks for the variants of one codec among themselves: colours and markers as far apart as those of codecs."""
    known = list(_KNOWN.values())
    return {
        codec: Look(*known[number % len(known)], _DASHES[number // len(known) % len(_DASHES)])
        for number, codec in enumerate(codecs)
    }


def _shade(colour: str, number: int) -> str:
    """The colour of a codec's n-th variant: the codec's own, then darker and lighter ones."""
    if number == 0:
        return colour
    target = 0.0 if number % 2 else 1.0
    share = min(0.75, 0.25 + 0.15 * number)
    red, green, blue = ((1 - share) * part + share * target for part in to_rgb(colour))
    return str(to_hex((red, green, blue)))


def _spare(name: str) -> tuple[str, str]:
    colour, marker = hashlib.sha256(name.encode()).digest()[:2]
    return _SPARE_COLOURS[colour % len(_SPARE_COLOURS)], _SPARE_MARKERS[marker % len(_SPARE_MARKERS)]


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw and save inside this block: the type and lines of a two-column paper."""
    with matplotlib.rc_context(_PAPER):
        yield


def save(figure: Figure, folder: Path, name: str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write ``folder/name.<format>`` in each format, cropped to the ink; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{kind}" for kind in formats]
    _settle(figure)
    stamps = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with paper_style():
        for path in paths:
            metadata = stamps.get(path.suffix[1:])
            figure.savefig(path, bbox_inches="tight", pad_inches=0.02, metadata=metadata)
    return paths


def _settle(figure: Figure) -> None:
    """Lay the figure out once, not again for each format."""
    if figure.get_layout_engine() is not None:
        with paper_style():
            figure.draw_without_rendering()
        figure.set_layout_engine("none")


def svg(figure: Figure) -> str:
    """The figure as an SVG document, cropped to the ink."""
    buffer = io.StringIO()
    _settle(figure)
    with paper_style():
        figure.savefig(buffer, format="svg", bbox_inches="tight", pad_inches=0.02, metadata={"Date": None})
    return buffer.getvalue()


def legend_below(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """One legend for all panels, under them, in as few rows as fit the figure's width."""
    if not labels:
        return
    letters = int(figure.get_figwidth() * 18)  # of the legend's type, in one line
    rows = next((n for n in range(1, len(labels)) if _legend_width(labels, n) <= letters), len(labels))
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=-(-len(labels) // rows),
        handlelength=2.2,
        columnspacing=1.4,
    )


def _legend_width(labels: Sequence[str], rows: int) -> int:
    """Letters that a legend of so many rows takes; it is filled column by column."""
    return sum(max(map(len, labels[k : k + rows])) + 7 for k in range(0, len(labels), rows))


def log_axis(axis: Axis, low: float, high: float) -> None:
    """A logarithmic axis over [low, high] with plainly written ticks at 1, 2, 5; evenly spaced where it is short."""
    name = "x" if axis is axis.axes.xaxis else "y"
    axis.axes.set(**{f"{name}scale": "log", f"{name}lim": (low, high)})
    if high / low < _SHORT:
        ticks = [float(x) for x in np.atleast_1d(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))]
    else:
        steps = next(steps for limit, steps in _STEPS if high / low < limit)
        ticks = [s * 10.0**e for e in range(-12, 13) for s in steps]
    axis.set_major_locator(FixedLocator([x for x in ticks if low <= x <= high]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def tick(value: float) -> str:
    """A number at an axis: as `plain`, thousands too with their letter."""
    return f"{value / 1e3:.3g}k" if 1e3 <= abs(value) < 1e4 else plain(value)


def plain(value: float) -> str:
    """A number as people write it: 0.02, 3.5, 120, 15k, 2M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / min(limit, 1e3 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
