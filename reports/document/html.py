"""The report as one HTML file that opens offline: tables, figures, and whatever viewer it is handed."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path

from reports.document.document import Block, Bullets, FigureBlock, Heading, TableBlock, Text

VIEWS = "Shapes in three dimensions"
"""The heading under which the viewer stands."""


@dataclass(frozen=True)
class Viewer:
    """An interactive part of the page.

    Args:
        library: JavaScript that the script needs.
        script: fills the element ``viewer`` from ``data``.
        data: JSON, safe inside a script element.
    """

    library: str
    script: str
    data: str


def write_html(path: Path, blocks: Sequence[Block], viewer: Viewer | None = None) -> Path:
    """Write the blocks, and the viewer under its heading, as one file without any link to elsewhere."""
    from jinja2 import Environment

    environment = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("reports.document") / "report.html.j2").read_text(encoding="utf-8"))
    title = next((block.text for block in blocks if isinstance(block, Heading) and block.level == 1), "Report")
    page = template.render(
        title=escape(title),
        sections=[(escape(b.text), anchor(b.text)) for b in blocks if isinstance(b, Heading) and b.level == 2],
        body="\n".join(_block(block) for block in blocks),
        viewer=viewer,
    )
    path.write_text(page, encoding="utf-8")
    return path


def anchor(text: str) -> str:
    """Identifier of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        views = '<div id="viewer"></div>' if block.text == VIEWS else ""
        return f'<h{block.level} id="{anchor(block.text)}">{escape(block.text)}</h{block.level}>{views}'
    if isinstance(block, Bullets):
        return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, TableBlock):
        caption = f"<figcaption>{escape(block.table.caption)}</figcaption>" if block.table.caption else ""
        return f'<figure class="table">{caption}<div class="scroll">{block.table.html()}</div></figure>'
    if isinstance(block, FigureBlock):
        data = base64.b64encode(block.svg.encode()).decode()
        caption = escape(block.caption)
        image = f'<img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
        return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
    if isinstance(block, Text):
        return f"<p>{_inline(block.text)}</p>"
    raise TypeError(f"no HTML for {type(block).__name__}")


def _inline(text: str) -> str:
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)
