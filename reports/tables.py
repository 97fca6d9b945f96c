"""Tables of a run as Markdown, LaTeX (booktabs) and CSV; the best and the second-best value of a column are marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.summary import SATURATION
from reports import latex
from reports.run_data import is_control

if TYPE_CHECKING:
    from reports.run_data import RunData


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
        """GitHub's Markdown: best bold, second best in italics, saturated values with a wavy equals sign."""
        return _markdown(self._cells(lambda text: f"**{text}**", lambda text: f"*{text}*", "≈", _no_pipe), self)

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
        """Booktabs floats that fit a two-column page: best bold, second best underlined; see `reports.latex`."""
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
        return self.frame[[column.name for column in self.columns]].to_csv(index=False, float_format="%.6g")

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
        """1 for the best value of its group, 2 for the second best; equal as printed is equal."""
        values = self.frame[column.name].astype(float).round(3 if column.digits is None else column.digits)
        if self.unranked is not None:
            values = values[~self.unranked]
        groups = values.groupby(self.frame[self.group]) if self.group else values.groupby(lambda _: 0)
        ranks: pd.Series[float] = groups.rank(method="dense", ascending=column.better == "low")
        return ranks[groups.transform("size") > 1]

    def _saturated(self, name: str, index: Any) -> bool:
        """Whether a sampled value is so near to what a perfect reconstruction gets that it ranks nothing."""
        if f"{name}_floor" not in self.frame:
            return False
        value: Any = self.frame.at[index, name]
        floor: Any = self.frame.at[index, f"{name}_floor"]
        return bool(value <= SATURATION * floor if name == "cd" else value >= floor / SATURATION)


QUALITY = (
    Column("bytes_per_shape", "Bytes/shape", latex="B/shape"),
    Column("ratio", "Ratio", 1, latex="Ratio $\\uparrow$"),
    Column("cd", "CD", 2, latex="CD $\\downarrow$"),
    Column("nc", "NC", 3, latex="NC $\\uparrow$"),
    Column("f1_005", "F1-0.005", 3, latex="F1-0.005 $\\uparrow$"),
    Column("f1_01", "F1-0.01", 3, latex="F1-0.01 $\\uparrow$"),
    Column("surface_cd", "Surface", 3, latex="Surface $\\downarrow$"),
    Column("surface_p95", "p95", 3, latex="p95 $\\downarrow$"),
    Column("surface_max", "max", 2, latex="max $\\downarrow$"),
)
TIMES = (
    Column("encode_s", "Encode s", None, latex="Enc.\\,s"),
    Column("decode_s", "Decode s", None, latex="Dec.\\,s"),
    Column("device", "Device"),
)
_BETTER = {"ratio": "high", "nc": "high", "f1_005": "high", "f1_01": "high"} | dict.fromkeys(
    ["bytes_per_shape", "cd", "surface_cd", "surface_p95", "surface_max"], "low"
)
_FAILED = Column("failed", "Failed", latex="Fail")
_NAME = (Column("title", "Codec"), Column("rate", "Rate"))


def points_table(data: RunData, dataset: str) -> Table:
    """Every rate-distortion point of a data set. A dot: no other codec is better in both bytes and surface error."""
    frame = _titled(data, dataset)
    frame["front"] = front(frame).map({True: "•", False: ""})
    seeds = (Column("seeds", "Seeds"),) if (frame["seeds"] > 1).any() else ()
    columns = (*_NAME, *seeds, Column("front", "Front", latex="$\\bullet$"), *QUALITY, _FAILED, *TIMES)
    return Table(frame, columns, f"Every rate point on {dataset}", distances=True)


def spread_table(data: RunData, dataset: str) -> Table:
    """Where the bytes and the errors lie: shared and marginal bytes, floors, median and worst shape."""
    frame = _titled(data, dataset)
    frame["marginal"] = (frame["bytes"] - frame["bytes_shared"]) / frame["shapes"]
    columns = (
        *_NAME,
        Column("bytes", "Bytes"),
        Column("bytes_shared", "shared"),
        Column("marginal", "per shape", 1, latex="/shape"),
        Column("cd", "CD mean", 2, latex="CD"),
        Column("cd_median", "median", 2),
        Column("cd_floor", "floor", 2),
        Column("f1_005", "F1-0.005", 3),
        Column("f1_005_floor", "ceiling", 3, latex="ceil."),
        Column("surface_cd", "Surface mean", 3, latex="Surface"),
        Column("surface_cd_median", "median", 3),
        Column("surface_cd_worst", "worst", 3),
        Column("worst_shape", "worst shape"),
    )
    return Table(frame, columns, f"Bytes and spread over shapes on {dataset}", distances=True)


def comparable_table(data: RunData, dataset: str, within: float = 1.4) -> Table | None:
    """Codecs side by side at similar size: for low, middle and high rate, each codec's nearest point.

    The three sizes split the codecs' common range evenly on a logarithmic scale; a codec without a point within the
    factor ``within`` of a size is left out there. Best and second-best values are marked at each size.
    """
    import numpy as np

    frame = _titled(data, dataset)
    frame = frame[~frame["codec"].map(is_control).astype(bool) & (frame["bytes_per_shape"] > 0)]
    if frame["codec"].nunique() < 2:
        return None
    low, high = np.log(frame["bytes_per_shape"]).quantile([0.1, 0.9])
    picked = []
    for target in np.exp(np.linspace(low, high, 3)):
        distance = (np.log(frame["bytes_per_shape"]) - np.log(target)).abs()
        near = frame[distance <= np.log(within)].assign(distance=distance, size=f"about {_size(target)}")
        picked.append(near.sort_values("distance").drop_duplicates("codec").sort_values("bytes_per_shape"))
    chosen = pd.concat(picked, ignore_index=True)
    counts = chosen.groupby("size")["codec"].transform("size")
    chosen = chosen[counts > 1].reset_index(drop=True)
    if not len(chosen):
        return None
    quality = tuple(Column(c.name, c.title, c.digits, _BETTER.get(c.name, ""), c.latex) for c in QUALITY)
    columns = (Column("size", "Bytes a shape"), *_NAME, *quality, _FAILED)
    caption = f"Codecs at similar size on {dataset}"
    return Table(chosen, columns, caption, group="size", unranked=chosen["failed"] > 0, distances=True)


def front(frame: pd.DataFrame) -> pd.Series[bool]:
    """Which points no point of another codec beats in both bytes and surface error (CD where that is missing)."""
    error = frame["surface_cd"].fillna(frame["cd"])
    size, codec = frame["bytes"], frame["codec"]
    best = [
        bool(size[i] == size[i])
        and not (
            (size <= size[i]) & (error <= error[i]) & (codec != codec[i]) & ((size < size[i]) | (error < error[i]))
        ).any()
        for i in frame.index
    ]
    return pd.Series(best, index=frame.index, dtype=bool)


def _titled(data: RunData, dataset: str) -> pd.DataFrame:
    frame = data.points[data.points["dataset"] == dataset].reset_index(drop=True)
    order = {codec: number for number, codec in enumerate(data.codecs)}
    frame = frame.sort_values("codec", key=lambda codec: codec.map(order), kind="stable", ignore_index=True)
    return frame.assign(title=frame["codec"].map(data.title))


def _size(count: float) -> str:
    return f"{count / 1000:.2g} kB" if count >= 1000 else f"{count:.0f} B"


def _text(value: Any, digits: int | None) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, str):
        return value
    if digits is None:
        return f"{value:#.3g}".rstrip(".") if abs(value) < 999.5 else f"{value:.0f}"
    return f"{value:,.{digits}f}" if digits == 0 else f"{value:.{digits}f}"


def _no_pipe(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


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
