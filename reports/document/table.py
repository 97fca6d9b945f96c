"""Tables of a run as Markdown, LaTeX (booktabs) and CSV; the best and the second-best value of a column are marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any

import pandas as pd

from bench.results.csv_cells import without_formulas
from bench.results.summary import SATURATION
from reports.document import latex


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: column of the frame.
        title: its heading; ``latex`` where LaTeX needs another one.
        digits: decimals of a number; None for three significant digits.
        better: ``low`` or ``high``: marks the best and second-best value of each group; empty: no marks.
    """

    name: str
    title: str
    digits: int | None = 0
    better: str = ""
    latex: str = ""


@dataclass(frozen=True)
class Table:
    """A frame and how to print it.

    Args:
        frame: the values, unformatted.
        columns: which of them, in which order.
        caption: one sentence, without the final stop.
        group: column within whose values the best are marked (and between which LaTeX draws a rule).
        unranked: the lines that take no part in the marking.
        distances: whether it holds distances, whose unit a caption on its own must state.
    """

    frame: pd.DataFrame
    columns: tuple[Column, ...]
    caption: str = ""
    group: str = ""
    unranked: pd.Series[bool] | None = field(default=None, compare=False)
    distances: bool = False

    def markdown(self) -> str:
        """GitHub's Markdown: best bold, second best in italics, saturated values marked with ≈."""
        return _markdown(self._cells(lambda text: f"**{text}**", lambda text: f"*{text}*", "≈", _cell), self)

    def html(self) -> str:
        """An HTML table: best bold, second best underlined, numbers to the right."""
        cells = self._cells(lambda text: f"<b>{text}</b>", lambda text: f"<u>{text}</u>", "≈", escape)
        kinds = ["" if _is_text(self.frame, column) else ' class="n"' for column in self.columns]
        head = "".join(f"<th{kind}>{escape(c.title)}</th>" for kind, c in zip(kinds, self.columns, strict=True))
        rows = "\n".join(
            "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, line, strict=True)) + "</tr>"
            for line in cells.to_numpy().tolist()
        )
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"

    def latex(self, label: str = "") -> str:
        """Booktabs floats that fit a two-column page: best bold, second best underlined."""
        bold, underlined = (rf"\{command}{{%s}}".__mod__ for command in ("textbf", "underline"))
        heads = {c.name: c.latex or latex.escape(c.title) for c in self.columns}
        return latex.LatexTable(
            self._cells(bold, underlined, r"\rlap{$^{\approx}$}", latex.escape).rename(columns=heads),
            self._cells(str, str, "", str).rename(columns={name: latex.bare(head) for name, head in heads.items()}),
            "".join("l" if _is_text(self.frame, column) else "r" for column in self.columns),
            self._latex_caption(),
            label,
            tuple(map(str, self.frame[self.group])) if self.group else (),
        ).text()

    def _latex_caption(self) -> str:
        """The caption, and what the reader of a paper must know: units and marks."""
        shown = {column.name for column in self.columns}
        saturated = any(self._saturated(name, index) for name in shown for index in self.frame.index)
        notes = {
            latex.escape(self.caption) + ".": bool(self.caption),
            latex.DISTANCES: self.distances,
            latex.FRONT: "front" in shown,
            latex.MARKS: any(column.better for column in self.columns),
            latex.SATURATED: saturated,
        }
        return " ".join(note for note, wanted in notes.items() if wanted)

    def csv(self) -> str:
        """The values, unrounded to six digits."""
        shown = self.frame[[column.name for column in self.columns]]
        return without_formulas(shown).to_csv(index=False, float_format="%.6g")

    def _cells(
        self,
        best: Callable[[str], str],
        second: Callable[[str], str],
        wave: str,
        escaped: Callable[[str], str],
    ) -> pd.DataFrame:
        ranks = {column.name: self._ranks(column) for column in self.columns if column.better}
        cells = {}
        for column in self.columns:
            texts = []
            for index, value in self.frame[column.name].items():
                text = escaped(_text(value, column.digits))
                rank = ranks[column.name].get(index) if column.name in ranks else None
                text = best(text) if rank == 1 else second(text) if rank == 2 else text
                texts.append(text + wave if self._saturated(column.name, index) else text)
            cells[column.name] = texts
        return pd.DataFrame(cells, index=self.frame.index, dtype=object)

    def _ranks(self, column: Column) -> pd.Series[float]:
        """1 for the best value of its group, 2 for the second best; equal as printed is equal.

        A group with saturated values has no ranks: what differs between these is noise, and no other is the best.
        """
        values = self.frame[column.name].astype(float).round(3 if column.digits is None else column.digits)
        if self.unranked is not None:
            values = values[~self.unranked]
        saturated = pd.Series({index: self._saturated(column.name, index) for index in values.index}, dtype=bool)
        group = self.frame.loc[values.index, self.group] if self.group else pd.Series("", values.index)
        groups = values.groupby(group)
        ranks: pd.Series[float] = groups.rank(method="dense", ascending=column.better == "low")
        return ranks[(groups.transform("size") > 1) & ~saturated.groupby(group).transform("any")]

    def _saturated(self, name: str, index: Any) -> bool:
        """Whether a sampled value is so near to what a perfect reconstruction gets that it ranks nothing."""
        if f"{name}_floor" not in self.frame:
            return False
        value: Any = self.frame.at[index, name]
        floor: Any = self.frame.at[index, f"{name}_floor"]
        return bool(value <= SATURATION * floor if name == "cd" else value >= floor / SATURATION)


def _text(value: Any, digits: int | None) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, str):
        return value
    if digits is None:
        return f"{value:#.3g}".rstrip(".") if abs(value) < 999.5 else f"{value:.0f}"
    return f"{value:,.{digits}f}" if digits == 0 else f"{value:.{digits}f}"


def _cell(text: str) -> str:
    """Text as a cell of a Markdown table: no column and no HTML of its own."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _is_text(frame: pd.DataFrame, column: Column) -> bool:
    return not pd.api.types.is_numeric_dtype(frame[column.name])


def _markdown(cells: pd.DataFrame, table: Table) -> str:
    from tabulate import tabulate

    lines = cells.to_numpy().tolist()
    text: str = tabulate(
        lines,
        [column.title for column in table.columns],
        tablefmt="pipe",
        colalign=["left" if _is_text(table.frame, c) else "right" for c in table.columns] if lines else None,
        disable_numparse=True,
    )
    return text + "\n"
