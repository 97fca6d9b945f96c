"""The linked 3D views as part of a page: three.js, the viewer's own script, and the meshes as JSON."""

from __future__ import annotations

import base64
import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.codec import UserError
from reports.views.stills import COLOURS, EYE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.views.views import Panel, View

SPAN = 1.25
"""Coordinates are stored as 16-bit steps of [-SPAN, SPAN]: finer than a pixel."""


class ViewerChanged(UserError):
    """The installed trimesh does not bring three.js in the form that is known."""


def viewer_script() -> str:
    """The viewer's own JavaScript; it adds itself to ``page``, as the explorer's scripts do."""
    return "\n".join((files("reports.views") / name).read_text(encoding="utf-8") for name in ("mesh.js", "viewer.js"))


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


def views_content(views: Sequence[View], similar: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The meshes, and what a browser needs to draw them.

    Args:
        similar: data set -> codec -> the rate that is shown before a point is picked.
    """
    from matplotlib import colormaps

    palette = (255 * colormaps[COLOURS](np.linspace(0, 1, 256))[:, :3]).round().astype(int).tolist()
    return {
        "span": SPAN,
        "eye": list(EYE),
        "palette": palette,
        "similar": {name: [f"{codec}@{rate}" for codec, rate in rates.items()] for name, rates in similar.items()},
        "views": [
            {
                "shape": view.shape,
                "role": view.role,
                "dataset": view.dataset,
                "degrees": degrees(view),
                "panels": [_panel(panel) for panel in view.panels],
            }
            for view in views
        ],
    }


def degrees(view: View) -> float:
    """Field of view that holds every mesh of a view, however it is turned."""
    radius = max([float(np.linalg.norm(p.vertices, axis=1).max()) for p in view.panels if len(p.vertices)], default=1.0)
    share = min(radius / float(np.linalg.norm(EYE)), 0.5)
    return 2 * float(np.degrees(np.arcsin(share)))


def _panel(panel: Panel) -> dict[str, Any]:
    named = {"title": panel.title, "subtitle": panel.subtitle}
    if panel.codec:
        named["key"] = f"{panel.codec}@{panel.rate}"
    if panel.failure:
        return named | {"failure": panel.failure}
    error = panel.error
    # The few vertices that lie far off must not leave the others without colours.
    largest = float(np.percentile(error, 99.5)) if error is not None and len(error) else 0.0
    scale = (
        {}
        if error is None
        else {"largest": largest, "scale": float(np.percentile(error, 98)), "mean": float(error.mean())}
    )
    counts = {"vertices": len(panel.vertices), "faces": len(panel.faces)}
    return named | counts | scale | {"data": packed(panel, largest)}


def packed(panel: Panel, largest: float) -> str:
    """A mesh in few letters, read by mesh.js: base64 of zlib of planes of bytes.

    The planes: low bytes, then high bytes of the differences between 16-bit coordinates along the vertices (all x, all
    y, all z); low, middle and high bytes of the differences between indices, signs folded in; errors, where 255 is
    ``largest``.
    """
    steps = np.round((panel.vertices / SPAN).clip(-1, 1) * 32767).astype(np.int64)
    moves = np.diff(steps, axis=0, prepend=0).T.ravel() & 0xFFFF
    jumps = np.diff(panel.faces.astype(np.int64).ravel(), prepend=0)
    folded = (jumps << 1) ^ (jumps >> 63)
    planes = [moves, moves >> 8, folded, folded >> 8, folded >> 16]
    if panel.error is not None:
        planes.append((255 * (panel.error / (largest or 1.0)).clip(0, 1)).round())
    data = b"".join((plane.astype(np.int64) & 0xFF).astype(np.uint8).tobytes() for plane in planes)
    return base64.b64encode(zlib.compress(data, 9)).decode()


def unpacked(
    text: str, vertices: int, faces: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """What mesh.js reads: coordinates (v, 3), faces (f, 3), errors as parts of the largest (v,), or (0,)."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).astype(np.int64)
    low, high, a, b, c, errors = np.split(data, np.cumsum([3 * vertices, 3 * vertices, *[3 * faces] * 3]))
    steps = np.cumsum((low | high << 8).reshape(3, vertices), axis=1).T & 0xFFFF
    steps = np.where(steps > 0x7FFF, steps - 0x10000, steps)
    folded = a | b << 8 | c << 16
    return SPAN * steps / 32767, np.cumsum((folded >> 1) ^ -(folded & 1)).reshape(-1, 3), errors / 255
