"""Still images of meshes, ray-cast on the CPU without a display: shaded surfaces and maps of the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from reports.document.style import PAGE, paper_style
from reports.views.raycasting import Surface, field_of_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from reports.views.views import Panel, View

    Floats = NDArray[np.float32]

PIXELS = 300
SUPERSAMPLING = 2
EYE = (1.7, 1.1, 3.2)
"""Where the camera stands; it looks at the centre of the cube, y is up."""

WIDEST = 60.0
"""Field of view, in degrees, that a reconstruction which flies apart may not exceed."""

COLOURS = "viridis"
_SURFACE = np.array([0.80, 0.82, 0.86])


def render(panel: Panel, degrees: float, original: Panel | None = None, scale: float = 1.0) -> Floats:
    """Image (PIXELS, PIXELS, 3) in [0, 1]: the shaded surface, or its distance to ``original``, up to ``scale``.

    Args:
        degrees: field of view of the camera.
    """
    if not len(panel.faces):
        return np.ones((PIXELS, PIXELS, 3), np.float32)
    size = PIXELS * SUPERSAMPLING
    seen, points, cosine = Surface(panel.vertices, panel.faces).look(EYE, degrees, size)
    light, colour = 0.30 + 0.70 * cosine, np.broadcast_to(_SURFACE, points.shape)
    if original is not None:
        error = 1e3 * Surface(original.vertices, original.faces).distance(points)
        colour = colormaps[COLOURS](np.clip(error / scale, 0, 1))[:, :3]
        light = 0.65 + 0.35 * light
    image = np.ones((size, size, 3), np.float32)
    image[seen] = colour * light[:, None]
    blocks = image.reshape(PIXELS, SUPERSAMPLING, PIXELS, SUPERSAMPLING, 3)
    averaged: Floats = blocks.mean(axis=(1, 3)).clip(0, 1)
    return averaged


def stills_figure(views: list[View]) -> Figure | None:
    """The originals and every codec's reconstruction, a shaded and an error image each, a pair of lines per shape."""
    if not views:
        return None
    columns = max(len(view.panels) for view in views)
    images = [_images(view) for view in views]
    heights = [image.shape[0] / image.shape[1] for shaded, _ in images for image in (shaded[0], shaded[0])]
    cell = min(PAGE / columns, 1.6)
    with paper_style():
        figure = Figure(figsize=(columns * cell, sum(heights) * cell + 0.3 * len(views) + 0.2), layout=_layout())
        grid = figure.subplots(2 * len(views), columns, squeeze=False, height_ratios=heights)
        for axes in grid.flat:
            axes.set_axis_off()
        for number, (view, (shaded, errors)) in enumerate(zip(views, images, strict=True)):
            for column, panel in enumerate(view.panels):
                upper, lower = grid[2 * number : 2 * number + 2, column]
                upper.imshow(shaded[column], interpolation="lanczos")
                if number == 0:
                    upper.set_title(panel.title, fontsize=7.5, pad=2)
                text = "failed" if panel.failure else panel.subtitle.replace(", error", "\nerror")
                upper.text(0.5, 0, text, transform=upper.transAxes, ha="center", va="top", fontsize=5.5)
                if column:
                    lower.imshow(errors[column], interpolation="lanczos")
            _scale_bar(figure, grid[2 * number + 1, 0], view)
    return figure


def _images(view: View) -> tuple[list[Floats], list[Floats]]:
    """Shaded and error images of all panels, cropped alike to what any of them shows."""
    seen = np.concatenate([panel.vertices for panel in view.panels])
    degrees = min(WIDEST, 1.04 * field_of_view(EYE, seen))
    shaded = [render(panel, degrees) for panel in view.panels]
    errors = [render(panel, degrees, view.panels[0], view.scale) for panel in view.panels]
    ink = np.any([image.min(axis=2) < 0.99 for image in shaded], axis=0)
    across, down = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    left, right, top, bottom = (int(x) for x in (across[0] - 6, across[-1] + 7, down[0] - 6, down[-1] + 7))
    # Neither a strip nor a column: the images of a line stand side by side.
    spare = max(0, (bottom - top) - int(1.25 * (right - left)))
    left, right = left - spare // 2, right + spare // 2
    window = np.s_[max(0, top) : bottom, max(0, left) : right]
    return [image[window] for image in shaded], [image[window] for image in errors]


def _layout() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)


def _scale_bar(figure: Figure, axes: Axes, view: View) -> None:
    """In the original's place among the error images: what the colours mean."""
    axes.text(0.5, 0.62, f"{view.role}: {view.shape}", transform=axes.transAxes, ha="center", fontsize=6)
    inner = axes.inset_axes((0.15, 0.45, 0.7, 0.08))
    mappable = ScalarMappable(Normalize(0, view.scale), COLOURS)
    bar = figure.colorbar(mappable, cax=inner, orientation="horizontal", extend="max")
    bar.ax.tick_params(labelsize=5.5, length=1.5, pad=1)
    bar.ax.locator_params(nbins=3)
    bar.set_label(r"error ($\times 10^{-3}$)", fontsize=6, labelpad=1)
