"""Finding the settings whose file stays within a size.

``hybrid`` and ``meshset`` get more or fewer faces, by what the last trial's size says, until the file fills the size
but for three per cent. The decoder of ``necgs-paper`` is made narrower; ``necgs`` takes coarser grids, then a larger
lambda, until the file fits. How large it will be is predicted first (``necgs-paper``: from the number of weights;
``necgs``: by a short training), then checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from necgs.commands.inputs import WrongInput
from necgs.hybrid.rate import matching
from necgs.mesh.rate import MOST_FACES
from necgs.paper_settings import PaperRate
from necgs.settings import LADDER, NecgsRate

Settings = Mapping[str, Any]

TRIAL = 8
"""A short training has an eighth of the epochs."""

LAMBDAS = tuple(5e-4 * 2**step for step in range(9))
"""Values of lambda that are tried at one resolution."""

BITS_PER_WEIGHT = 6.5
BITS_PER_LATENT = 7.5
"""Typical bits per symbol of ``necgs-paper`` after entropy coding; only for size prediction."""

CHOSEN = {"hybrid": "faces", "meshset": "faces", "necgs": "lambda", "necgs-paper": "width"}
"""The setting that is chosen for the size, by codec."""

TRIALS = 6
"""Numbers of faces that are tried at most."""

CLOSE = 0.97
"""A file of this part of the size is as good as one that fills it."""

FIRST_FACES, FEWEST_FACES = 1000, 4
BYTES_SLOPE = 1.1
"""About the exponent of the bytes in the number of faces."""


def check_choosable(codec: str, settings: Settings) -> None:
    """Raise `WrongInput` where the user has fixed what the size is to decide."""
    if CHOSEN[codec] in settings:
        raise WrongInput(f"--target-bytes chooses {CHOSEN[codec]} of {codec}: leave it out")


def within(target: int, codec: str, settings: Settings, shapes: int, compress: Callable[[Settings], bytes]) -> bytes:
    """The largest file of at most ``target`` bytes.

    Args:
        target: bytes.
        codec: one of `CHOSEN`.
        settings: everything but the size; a resolution among them is kept.
        shapes: meshes of the set.
        compress: makes the file for some settings.

    Raises:
        WrongInput: even the smallest file is too large.
    """
    if CHOSEN[codec] == "faces":
        return _with_faces(target, codec, settings, shapes, compress)
    paper = codec == "necgs-paper"
    smallest = None
    for change in _narrower(target, settings, shapes) if paper else _coarser(settings):
        chosen = {**settings, **change}
        if not paper and len(compress({**chosen, "epochs": max(1, NecgsRate.of(chosen).epochs // TRIAL)})) > target:
            continue
        data = compress(chosen)
        if len(data) <= target:
            return data
        smallest = len(data)
    raise _too_small(target, shapes, smallest)


def _too_small(target: int, shapes: int, smallest: int | None) -> WrongInput:
    found = f"; the smallest file had {smallest:,} bytes" if smallest else ""
    return WrongInput(f"{shapes} meshes do not fit into {target:,} bytes{found}")


def _with_faces(
    target: int, codec: str, settings: Settings, shapes: int, compress: Callable[[Settings], bytes]
) -> bytes:
    def make(faces: int) -> bytes:
        return compress({**(matching(faces) if codec == "hybrid" else {"faces": faces}), **settings})

    best, smallest = largest_within(target, make)
    if best is None:
        raise _too_small(target, shapes, smallest)
    return best


def largest_within(target: int, make: Callable[[int], bytes]) -> tuple[bytes | None, int]:
    """The largest file of at most ``target`` bytes that was found, and the size of the smallest one.

    Args:
        target: bytes.
        make: the file for a number of faces; its size grows with it until faces are used up.
    """
    faces, fits, fails = FIRST_FACES, FEWEST_FACES - 1, MOST_FACES + 1
    best: bytes | None = None
    sizes: dict[int, int] = {}
    while fits < faces < fails and len(sizes) < TRIALS:
        data = make(faces)
        sizes[faces] = len(data)
        if len(data) <= target:
            used_up = best is not None and len(data) <= 1.01 * len(best)
            best, fits = data, faces
            if used_up or len(data) >= CLOSE * target:
                break
        else:
            fails = faces
        guess = _secant(sizes, 0.5 * (1 + CLOSE) * target)
        faces = guess if fits < guess < fails else math.isqrt(fits * fails)
    if best is None and fails > FEWEST_FACES:
        data = make(FEWEST_FACES)
        sizes[FEWEST_FACES] = len(data)
        best = data if len(data) <= target else None
    return best, min(sizes.values())


def _secant(sizes: Mapping[int, int], wanted: float) -> int:
    """The number of faces for a size, by the power of the last two trials; at most four times the last."""
    (before, then), (faces, size) = list(sizes.items())[-2:] if len(sizes) > 1 else [(0, 0), *sizes.items()]
    slope = BYTES_SLOPE
    if before and then != size:
        slope = max(0.1, math.log(size / then) / math.log(faces / before))
    times: float = (wanted / size) ** (1 / slope)
    return round(faces * min(4.0, times))


def width_for(target: int, shapes: int, settings: Settings) -> int:
    """The largest width of ``necgs-paper`` that should stay within ``target`` bytes for a set of ``shapes``; 0 where
    none does.

    A prediction: how well the weights of a set compress is known after training only.
    """
    best = 0
    for width in range(1, 129):
        try:
            spec = PaperRate.of({**settings, "width": width}).spec()
        except ValueError:
            break
        latents = shapes * spec.latent_grid**3 * spec.latent_channels
        if spec.parameter_count * BITS_PER_WEIGHT + latents * BITS_PER_LATENT > 8 * target:
            break
        best = width
    return best


def _narrower(target: int, settings: Settings, shapes: int) -> Iterator[Settings]:
    for width in range(width_for(target, shapes, settings), 0, -1):
        yield {"width": width}


def _coarser(settings: Settings) -> Iterator[Settings]:
    """The ladder downwards, then its coarsest grid with a larger lambda; or one resolution with each lambda."""
    if "resolution" in settings:
        yield from ({"lambda": value} for value in LAMBDAS)
        return
    yield from reversed(list(LADDER.values()))
    coarsest = next(iter(LADDER.values()))
    yield from ({**coarsest, "lambda": value} for value in LAMBDAS if value > coarsest["lambda"])
