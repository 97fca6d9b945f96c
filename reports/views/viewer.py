"""The linked 3D views as part of a page: three.js, the viewer's own script, and the meshes as JSON."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.codec import UserError
from reports.document.html import Viewer
from reports.views.stills import COLOURS, EYE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.views.views import Panel, View

SPAN = 1.25
"""Coordinates are stored as 16-bit steps of [-SPAN, SPAN]: finer than a pixel."""


class ViewerChanged(UserError):
    """The installed trimesh does not bring three.js in the form that is known."""


def viewer(views: Sequence[View]) -> Viewer | None:
    """What a page needs to show ``views``; None where there are none. Raises `ViewerChanged`."""
    if not views:
        return None
    script = (files("reports.views") / "viewer.js").read_text(encoding="utf-8")
    return Viewer(library=three_js(), script=script, data=_views_json(views))


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
    return json.dumps(content).replace("<", "\\u003c")


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
