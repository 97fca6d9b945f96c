"""The report as one HTML file that opens offline: tables, figures, and linked 3D views drawn by three.js."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.blocks import Block, Bullets, FigureBlock, Heading, TableBlock, Text
from reports.stills import COLOURS, EYE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.views import Panel, View

SPAN = 1.25
"""Coordinates are stored as 16-bit steps of [-SPAN, SPAN]: finer than a pixel."""


class ViewerChanged(Exception):
    """The installed trimesh does not bring three.js in the form that is known."""


def write_html(path: Path, blocks: Sequence[Block], views: Sequence[View]) -> Path:
    """Write the blocks, and the views after their heading's figures, as one file without any link to elsewhere."""
    from jinja2 import Environment

    environment = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_resource("report.html.j2"))
    title = next((block.text for block in blocks if isinstance(block, Heading) and block.level == 1), "Report")
    page = template.render(
        title=escape(title),
        sections=[(escape(b.text), anchor(b.text)) for b in blocks if isinstance(b, Heading) and b.level == 2],
        body="\n".join(_block(block) for block in blocks),
        views=_views_json(views),
        has_views=bool(views),
        three=three_js() if views else "",
        viewer=_resource("viewer.js"),
    )
    path.write_text(page, encoding="utf-8")
    return path


def three_js() -> str:
    """three.js with its trackball controls, as trimesh carries them for its own offline viewer (MIT licence)."""
    from trimesh import resources

    try:
        with zipfile.ZipFile(io.BytesIO(resources.get_bytes("templates/viewer.zip"))) as archive:
            page = archive.read("viewer.html.template").decode("utf-8")
        (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
        library, marker, _ = str(script).partition("THREE.GLTFLoader=GLTFLoader;})();")
    except (OSError, KeyError, ValueError) as error:
        raise ViewerChanged(f"trimesh's three.js viewer cannot be read: {error}") from None
    if not marker or "TrackballControls" not in library:
        raise ViewerChanged(
            "trimesh's three.js viewer has another form than expected; pin trimesh as in constraints.txt"
        )
    return library + marker


def anchor(text: str) -> str:
    """Identifier of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        views = '<div id="viewer"></div>' if block.text == "Shapes in three dimensions" else ""
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


def _views_json(views: Sequence[View]) -> str:
    """The meshes: 16-bit coordinates, 16- or 32-bit indices, 8-bit errors, all base64."""
    from matplotlib import colormaps

    palette = (255 * colormaps[COLOURS](np.linspace(0, 1, 256))[:, :3]).round().astype(int).tolist()
    content = {
        "span": SPAN,
        "eye": list(EYE),
        "palette": palette,
        "views": [
            {
                "title": f"{view.role}: {view.shape}",
                "dataset": view.dataset,
                "scale": view.scale,
                "degrees": degrees(view),
                "panels": [_panel(panel, view.scale) for panel in view.panels],
            }
            for view in views
        ],
    }
    return json.dumps(content).replace("</", "<\\/")


def degrees(view: View) -> float:
    """Field of view that holds every mesh of a view, however it is turned."""
    radius = max([float(np.linalg.norm(p.vertices, axis=1).max()) for p in view.panels if len(p.vertices)], default=1.0)
    share = min(radius / float(np.linalg.norm(EYE)), 0.5)
    return 2 * float(np.degrees(np.arcsin(share)))


def _panel(panel: Panel, scale: float) -> dict[str, Any]:
    steps = (panel.vertices / SPAN).clip(-1, 1) * 32767
    wide = len(panel.vertices) > 65535
    error = None if panel.error is None else (255 * (panel.error / scale).clip(0, 1)).round()
    return {
        "title": panel.title,
        "subtitle": panel.subtitle,
        "failure": panel.failure,
        "positions": _packed(steps.round(), "<i2"),
        "indices": _packed(panel.faces, "<u4" if wide else "<u2"),
        "wide": wide,
        "errors": None if error is None else _packed(error, "u1"),
    }


def _packed(array: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array.astype(kind)).tobytes()).decode()


def _resource(name: str) -> str:
    text: str = (files("reports") / name).read_text(encoding="utf-8")
    return text
