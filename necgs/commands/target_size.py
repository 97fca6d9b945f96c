"""Finding the settings whose file stays within a size.

The dense decoder is made narrower, the block-sparse one coarser and its latents dearer, until the file fits. How large
it will be is predicted first (dense: from the number of weights; block-sparse: by a short training), then checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from necgs.commands.inputs import WrongInput
from necgs.decoder.spec import BLOCK_SPARSE
from necgs.settings import QUICK_RATES, NecgsRate, width_for

Settings = Mapping[str, Any]

TRIAL = 8
"""A short training has an eighth of the epochs."""

DEARER = tuple(5e-4 * 2**step for step in range(9))
"""Weights of the rate that are tried at one resolution."""


def within(
    target: int, settings: Settings, shapes: int, compress: Callable[[Settings], bytes], resolution_fixed: bool
) -> bytes:
    """The largest file of at most ``target`` bytes.

    Args:
        target: bytes.
        settings: everything but the size.
        shapes: meshes of the set.
        compress: makes the file for some settings.
        resolution_fixed: keep the resolution of ``settings``.

    Raises:
        WrongInput: even the smallest file is too large.
    """
    sparse = settings.get("decoder") == BLOCK_SPARSE
    choices = _coarser(settings, resolution_fixed) if sparse else _narrower(target, settings, shapes)
    smallest = None
    for change in choices:
        chosen = {**settings, **change}
        if sparse and len(compress({**chosen, "epochs": max(1, NecgsRate.of(chosen).epochs // TRIAL)})) > target:
            continue
        data = compress(chosen)
        if len(data) <= target:
            return data
        smallest = len(data)
    found = f"; the smallest file had {smallest:,} bytes" if smallest else ""
    raise WrongInput(f"{shapes} meshes do not fit into {target:,} bytes{found}")


def _narrower(target: int, settings: Settings, shapes: int) -> Iterator[Settings]:
    for width in range(width_for(target, shapes, settings), 0, -1):
        yield {"width": width}


def _coarser(settings: Settings, resolution_fixed: bool) -> Iterator[Settings]:
    if not resolution_fixed:
        yield from reversed(list(QUICK_RATES.values()))
        settings = {**settings, **next(iter(QUICK_RATES.values()))}
    for weight in DEARER:
        if resolution_fixed or weight > settings["rate_weight"]:
            yield {"resolution": settings["resolution"], "rate_weight": weight}
