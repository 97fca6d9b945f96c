"""Collects the parts of a report and writes the files that they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from reports.document import style
from reports.document.document import Block, FigureBlock, TableBlock, markdown
from reports.document.table import Table


@dataclass
class Writer:
    """Collects the parts of a report and writes the files that they need.

    Args:
        folder: where everything goes: ``figures/``, ``tables/``, ``report.md``.
        formats: figure formats; the first one is shown in ``report.md``.
        embed: keep each figure's SVG for a one-file report.
    """

    folder: Path
    formats: Sequence[str] = style.FORMATS
    embed: bool = False
    blocks: list[Block] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)

    def add(self, *blocks: Block) -> None:
        """Add headings, paragraphs and lists."""
        self.blocks += blocks

    def table(self, table: Table | None, name: str) -> None:
        """Show a table; write it as Markdown, LaTeX and CSV."""
        if table is None:
            return
        folder = self.folder / "tables"
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, text in (("md", table.markdown()), ("tex", table.latex(f"tab:{name}")), ("csv", table.csv())):
            path = folder / f"{name}.{suffix}"
            path.write_text(text, encoding="utf-8")
            self.paths.append(path)
        self.blocks.append(TableBlock(table))

    def figure(self, figure: Figure | None, name: str, caption: str) -> None:
        """Show a figure; write it in every format."""
        if figure is None:
            return
        paths = style.save(figure, self.folder / "figures", name, self.formats)
        self.paths += paths
        self.blocks.append(FigureBlock(caption, tuple(paths), style.svg(figure) if self.embed else ""))

    def finish(self) -> list[Path]:
        """Write ``report.md``; returns it and every other path written."""
        report = self.folder / "report.md"
        report.write_text(markdown(self.blocks, self.folder), encoding="utf-8")
        return [report, *self.paths]
