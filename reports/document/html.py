"""The report as one HTML file that opens offline: text, tables and figures, and whatever scripts it is handed."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path

from bench.codec.atomic_write import write_atomically
from reports.document.document import Block, Bullets, FigureBlock, Heading, TableBlock, Text

PRINTED = '<span class="note-of-print"> (as printed: every codec)</span>'
"""Shown while a codec is switched off: images cannot follow."""


@dataclass(frozen=True)
class Page:
    """What stands around the blocks.

    Args:
        style: CSS.
        scripts: JavaScript, in this order; they fill the element ``explorer``, which is there if there are ``parts``.
        parts: identifier -> JSON that is safe inside a script element.
        links: text -> address, before those of the sections.
    """

    style: str
    scripts: Sequence[str] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def write_html(path: Path, blocks: Sequence[Block], page: Page) -> Path:
    """Write the blocks as one file that loads nothing; the explorer stands before the first section."""
    from jinja2 import Environment

    environment = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("reports.document") / "report.html.j2").read_text(encoding="utf-8"))
    sections = [block for block in blocks if isinstance(block, Heading) and block.level == 2]
    title = next((block.text for block in blocks if isinstance(block, Heading) and block.level == 1), "Report")
    first = list(blocks).index(sections[0]) if sections else len(blocks)
    explore = [("Explore", "explore")] if page.parts else []
    text = template.render(
        title=escape(title),
        links=[(escape(text), escape(address)) for text, address in page.links.items()],
        sections=[*explore, *((escape(block.text), anchor(block.text)) for block in sections)],
        head="\n".join(_block(block) for block in blocks[:first]),
        body="\n".join(_block(block) for block in blocks[first:]),
        page=page,
    )
    write_atomically(path, text)
    return path


def anchor(text: str) -> str:
    """Identifier of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="{anchor(block.text)}" tabindex="-1">{escape(block.text)}</h{block.level}>'
    if isinstance(block, Bullets):
        return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, TableBlock):
        caption = f"<figcaption>{escape(block.table.caption)}</figcaption>" if block.table.caption else ""
        return f'<figure class="table">{caption}<div class="scroll">{block.table.html()}</div></figure>'
    if isinstance(block, FigureBlock):
        data = base64.b64encode(block.svg.encode()).decode()
        caption = escape(block.caption)
        image = f'<img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
        return f"<figure>{image}<figcaption>{caption}{PRINTED}</figcaption></figure>"
    if isinstance(block, Text):
        return f"<p>{_inline(block.text)}</p>"
    raise TypeError(f"no HTML for {type(block).__name__}")


def _inline(text: str) -> str:
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)
