"""What a report consists of, whatever it is written as: headings, text, lists, tables, figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.document.table import Table


@dataclass(frozen=True)
class Heading:
    """A heading; ``level`` 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph. Backquotes mark code, single stars emphasis."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class TableBlock:
    """A table under its caption."""

    table: Table


@dataclass(frozen=True)
class FigureBlock:
    """A figure over its caption.

    Args:
        paths: its files, the one to show first.
        svg: the figure itself, for one-file reports.
    """

    caption: str
    paths: tuple[Path, ...]
    svg: str = ""


Block = Heading | Text | Bullets | TableBlock | FigureBlock


def markdown(blocks: Sequence[Block], folder: Path) -> str:
    """GitHub's Markdown, with links relative to ``folder``."""
    return "\n\n".join(_markdown(block, folder) for block in blocks) + "\n"


def _markdown(block: Block, folder: Path) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {without_html(block.text)}"
    if isinstance(block, Bullets):
        return "\n".join(f"- {without_html(item)}" for item in block.items)
    if isinstance(block, TableBlock):
        caption = f"**{without_html(block.table.caption)}.**\n\n" if block.table.caption else ""
        return caption + block.table.markdown().strip()
    if isinstance(block, FigureBlock):
        link = block.paths[0].relative_to(folder).as_posix()
        caption = without_html(block.caption)
        return f"![{caption}]({link})\n\n*{caption}*"
    return without_html(block.text)


def without_html(text: str) -> str:
    """Markdown in which no ``<`` begins a tag; code between single backquotes shows it as it is."""
    if text.count("`") % 2 or "``" in text:
        return text.replace("<", "&lt;")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(text.split("`")))
