"""A fit that is kept only where it brought the surfaces closer, as samples say that it did not see.

A fit with few samples for its faces follows them and not the surface between them: its own error falls, and that of the
surface grows. This shows with other samples, and they say what the error is, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from necgs.vertex_fit.fitting import FitSettings, Fitted, Original, fit_vertices
from necgs.volume.surface import Surface

SAMPLES = 12_000
_SEED = 1000  # a fit's samples have small numbers


def guarded_fit(
    original: Original,
    vertices: NDArray[Any],
    faces: NDArray[Any],
    settings: FitSettings,
    free: NDArray[np.bool_] | None = None,
) -> Fitted:
    """`fit_vertices`, or the vertices as they were where they lie closer; errors by other samples than the fit's."""
    fitted = fit_vertices(original, vertices, faces, settings, free)
    before = surface_error(original, vertices, faces)
    after = surface_error(original, fitted.vertices, faces)
    if after > before:
        fitted, after = fit_vertices(original, vertices, faces, replace(settings, steps=0), free), before
    return replace(fitted, before=before, after=after)


def surface_error(original: Original, vertices: NDArray[Any], faces: NDArray[Any]) -> float:
    """Mean of both ways' mean distances, from samples that no fit uses."""
    coarse = Surface(vertices, faces)
    points, _ = original.surface.sample(SAMPLES, _SEED)
    samples, _ = coarse.sample(SAMPLES, _SEED + 1)
    there, back = coarse.closest(points)[0], original.surface.closest(samples)[0]
    distances = [np.linalg.norm(points - there, axis=1), np.linalg.norm(samples - back, axis=1)]
    return float(np.mean(distances))
