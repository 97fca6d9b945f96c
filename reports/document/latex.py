"""A table as LaTeX: a caption that stands alone, type that fits the page of a two-column journal.

The document needs the packages booktabs and graphicx.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

LETTERS, SHORT, LINES = 56, 30, 58
"""In footnote size: letters that one column of a two-column page holds; lines that a table in one column, and any
float, may have."""

DISTANCES = r"Distances are in units of $10^{-3}$ of the cube $[-1, 1]^3$."
FITTED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"
"""Shrinks what is too wide and leaves the rest alone: the type of the document is not known here."""

MARKS = r"Best \textbf{bold}, second best \underline{underlined}."
SATURATED = r"$^{\approx}$: within 10\,\% of what a perfect reconstruction gets from random samples; ranks nothing."
FRONT = r"$\bullet$: no other codec is better in both bytes and surface error."

_ESCAPED = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    # A bracket at the start of a row would be read as the argument of the line break before it.
    | {"[": "{[}", "]": "{]}"}
    | {"•": r"$\bullet$", "≈": r"$\approx$", "–": "--", "→": r"$\to$", "∞": r"$\infty$"}
)


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
        floating = environment(self.plain)
        bounds = [*self._starts(LINES), len(self.cells)]
        return "\n".join(
            self._float(floating, first, last, number) for number, (first, last) in enumerate(pairwise(bounds))
        )

    def _starts(self, lines: int) -> list[int]:
        """First line of each float of at most ``lines``; split where the first column changes, if it does."""
        starts = [0]
        while len(self.cells) - starts[-1] > lines:
            first = self.plain.iloc[:, 0].tolist()
            ends = range(starts[-1] + lines, starts[-1] + lines // 2, -1)
            starts.append(next((k for k in ends if first[k] != first[k - 1]), starts[-1] + lines))
        return starts

    def _float(self, floating: str, first: int, last: int, number: int) -> str:
        caption = self.caption + (" (Continued.)" if number and self.caption else "")
        return "\n".join(
            [
                rf"\begin{{{floating}}}[t]",
                r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
                *([rf"\caption{{{caption}}}"] if caption else []),
                *([rf"\label{{{self.label}}}"] if self.label and not number else []),
                FITTED + "{%",
                self._tabular(first, last) + "}",
                rf"\end{{{floating}}}",
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


def environment(plain: pd.DataFrame) -> str:
    """``table`` where the longest cells side by side fit one column and the lines are few, else ``table*``."""
    longest = [max([len(str(name)), *map(len, plain[name])]) for name in plain.columns]
    return "table" if sum(longest) + 1.5 * len(longest) <= LETTERS and len(plain) <= SHORT else "table*"


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
