"""A table as LaTeX: a caption that stands alone, type that fits the page of a two-column journal.

The document needs the packages booktabs and graphicx.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

COLUMN, PAGE, HEIGHT = 235.0, 490.0, 560.0
"""Width of one column, width and height of a page in points: a little less than those of the common classes."""

DISTANCES = r"Distances are in units of $10^{-3}$ of the cube $[-1, 1]^3$."
FITTED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"
"""Shrinks what is too wide and leaves the rest alone: the type of the document is not known here."""

MARKS = r"Best \textbf{bold}, second best \underline{underlined}."
SATURATED = r"$^{\approx}$: within 10\,\% of what a perfect reconstruction gets from random samples; ranks nothing."
FRONT = r"$\bullet$: no other codec is better in both bytes and surface error."

_ESCAPED = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"•": r"$\bullet$", "≈": r"$\approx$", "–": "--", "→": r"$\to$", "∞": r"$\infty$"}
)


@dataclass(frozen=True)
class Layout:
    """How a table is set.

    Args:
        environment: ``table`` in one column, ``table*`` across both.
        size: type size command; empty: the text's.
        points: that size.
        gap: points on either side of a column.
    """

    environment: str
    size: str
    points: float
    gap: float


LAYOUTS = (
    Layout("table", "", 10, 5),
    Layout("table", r"\small", 9, 4),
    Layout("table", r"\footnotesize", 8, 3),
    Layout("table*", "", 10, 6),
    Layout("table*", r"\small", 9, 5),
    Layout("table*", r"\footnotesize", 8, 4),
    Layout("table*", r"\footnotesize", 8, 3),
    Layout("table*", r"\scriptsize", 7, 4),
    Layout("table*", r"\scriptsize", 7, 3),
)
"""From the one that is wanted most to the one that holds most."""


@dataclass(frozen=True)
class LatexTable:
    """A table ready to be set.

    Args:
        cells: LaTeX, a column per column; ``plain``: the same without any command, for its width.
        alignment: ``l`` or ``r`` per column.
        group: a value per line; a rule stands between different ones; empty: no rules.
    """

    cells: pd.DataFrame
    plain: pd.DataFrame
    alignment: str
    caption: str = ""
    label: str = ""
    group: tuple[str, ...] = ()

    def text(self) -> str:
        """The floats, one after the other where the lines do not fit one page."""
        layout = choose_layout(self.plain)
        starts = self._starts(int(HEIGHT / (1.2 * layout.points)))
        bounds = [*starts, len(self.cells)]
        return "\n".join(
            self._float(layout, first, last, number) for number, (first, last) in enumerate(pairwise(bounds))
        )

    def _starts(self, lines: int) -> list[int]:
        """First line of each float of at most ``lines``; split where the first column changes, if it does."""
        starts = [0]
        while len(self.cells) - starts[-1] > lines:
            first = self.plain.iloc[:, 0].tolist()
            ends = range(starts[-1] + lines, starts[-1] + lines // 2, -1)
            starts.append(next((k for k in ends if first[k] != first[k - 1]), starts[-1] + lines))
        return starts

    def _float(self, layout: Layout, first: int, last: int, number: int) -> str:
        caption = self.caption + (" (Continued.)" if number and self.caption else "")
        return "\n".join(
            [
                rf"\begin{{{layout.environment}}}[t]",
                rf"\centering{layout.size}\setlength{{\tabcolsep}}{{{layout.gap:g}pt}}",
                *([rf"\caption{{{caption}}}"] if caption else []),
                *([rf"\label{{{self.label}}}"] if self.label and not number else []),
                FITTED + "{%",
                self._tabular(first, last) + "}",
                rf"\end{{{layout.environment}}}",
                "",
            ]
        )

    def _tabular(self, first: int, last: int) -> str:
        cells = without_repeats(self.cells.iloc[first:last], self.alignment)
        lines = cells.style.hide(axis="index").to_latex(hrules=True, column_format=self.alignment).splitlines()
        top = lines.index(r"\midrule") + 1
        for k in range(last - first - 1, 0, -1):
            if self.group and self.group[first + k] != self.group[first + k - 1]:
                lines.insert(top + k, r"\midrule")
            elif not self.group and self._is_block(first + k):
                lines.insert(top + k, r"\addlinespace[2pt]")
        return "\n".join(lines)

    def _is_block(self, line: int) -> bool:
        """Whether the first column, one of names, changes here and is repeated elsewhere."""
        first = self.plain.iloc[:, 0]
        return self.alignment[0] == "l" and bool(first.duplicated().any()) and first.iloc[line] != first.iloc[line - 1]


def escape(text: str) -> str:
    """Text as LaTeX."""
    return text.translate(_ESCAPED)


def bare(head: str) -> str:
    """A LaTeX heading as text of about its width: a formula counts as a letter."""
    return re.sub(r"\$[^$]*\$", "x", head).replace("\\", "")


def choose_layout(plain: pd.DataFrame) -> Layout:
    """The first of `LAYOUTS` that the table fits, else the last. One column is for short tables."""
    for layout in LAYOUTS:
        single = layout.environment == "table"
        if width(plain, layout) <= (COLUMN if single else PAGE) and not (single and len(plain) > 30):
            return layout
    return LAYOUTS[-1]


def width(plain: pd.DataFrame, layout: Layout) -> float:
    """Width in points, from the letters of the widest cell of each column, heading included."""
    widest = [max([letters(str(name)), *map(letters, plain[name])]) for name in plain.columns]
    return layout.points * sum(widest) + 2 * layout.gap * len(widest)


def letters(text: str) -> float:
    """Width of a text in units of its size, after the widths of Times and Computer Modern."""
    return sum(0.72 if c.isupper() else 0.28 if c in " .,:;|!()[]-'" else 0.5 if c.isdigit() else 0.46 for c in text)


def without_repeats(cells: pd.DataFrame, alignment: Sequence[str]) -> pd.DataFrame:
    """Leave out, in the leading columns of names, what stands in the line above."""
    shown = cells.copy()
    same = pd.Series(True, index=cells.index)
    for number in range(len(alignment)):
        if alignment[number] != "l":
            break
        same &= cells.iloc[:, number] == cells.iloc[:, number].shift()
        shown.isetitem(number, cells.iloc[:, number].mask(same, "").to_numpy())
    return shown
