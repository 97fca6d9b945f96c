"""What the explorer adds to a report's page: styles, libraries, scripts, data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from reports.document.html import Page
from reports.explorer.content import content, embedded
from reports.explorer.scripts import d3, own_script
from reports.views.viewer import three_js, viewer_script, views_content
from reports.views.views import View, similar_rates

if TYPE_CHECKING:
    from reports.run_data import RunData


def explorer_page(data: RunData, views: Sequence[View], links: Mapping[str, str]) -> Page:
    """The page of a run; without views it carries no three.js, without points no scripts."""
    style = page_style()
    if not len(data.points):
        return Page(style, links=links)
    parts = {"content": embedded(content(data))}
    libraries = [own_script("d3_licence") + d3()]
    if views:
        similar = {name: similar_rates(data, name) for name in data.datasets}
        parts["meshes"] = embedded(views_content(views, similar))
        libraries.append(three_js())
    ours = [own_script("state"), viewer_script(), *map(own_script, REST)]
    return Page(style, (*libraries, "\n".join(ours)), parts, links)


REST = ("points", "symbols", "plot", "tips", "tables", "controls", "point_table", "shape_table", "explorer")
"""Our scripts after the first; each adds its part to ``page``, the last puts them together."""


def page_style() -> str:
    """The style sheet of every page."""
    return (files("reports.explorer") / "page.css").read_text(encoding="utf-8").strip()
