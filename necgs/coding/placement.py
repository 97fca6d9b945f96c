"""Where a mesh was before it was normalised, as a coded file keeps it.

The placement undoes the normalisation: varint 0, or 1 and then scale (float32) and centre (3 signed varints, in units
of 2^-20 of the mesh's size, the size 2/scale rounded up to a power of two).
"""

from __future__ import annotations

import math

import numpy as np
from mesh_datasets.normalization import Normalization

from bench.codec.fields import FieldReader, FieldWriter

CENTRE_BITS = 20
"""The centre is kept to this many bits below the size of the mesh: a thousandth of the codec's own error."""

MAX_CENTRE = 1 << 61


def placement_of(normalization: Normalization) -> Normalization:
    """``normalization`` as a file keeps it and a reader gets it back.

    Raises:
        ValueError: the mesh is too far from the origin, too large or too small to be placed.
    """
    with np.errstate(over="ignore", under="ignore"):
        scale = float(np.float32(normalization.scale))
    if not np.isfinite(scale) or scale <= 0:
        raise ValueError(f"a mesh of size {2 / normalization.scale:g} cannot be placed: scale it first")
    unit = _centre_unit(scale)
    x, y, z = (round(value / unit) for value in normalization.center)
    if max(abs(x), abs(y), abs(z)) > MAX_CENTRE:
        raise ValueError(f"a mesh of size {2 / scale:g} at {normalization.center} is too far away: move it first")
    return Normalization((x * unit, y * unit, z * unit), scale)


def _centre_unit(scale: float) -> float:
    """A power of two: 2^-20 of the mesh's size."""
    return math.ldexp(1.0, math.frexp(2.0 / scale)[1] - CENTRE_BITS)


def write_placement(out: FieldWriter, placement: Normalization | None) -> None:
    """Write a placement, or that there is none."""
    out.unsigned(0 if placement is None else 1)
    if placement is None:
        return
    kept = placement_of(placement)
    out.float32(kept.scale)
    for value in kept.center:
        out.signed(round(value / _centre_unit(kept.scale)))


def read_placement(fields: FieldReader) -> Normalization | None:
    """The inverse of `write_placement`. Raises ``CorruptArchive``."""
    if not fields.unsigned("placement", 1):
        return None
    scale = fields.float32("scale")
    if not (np.isfinite(scale) and scale > 0):
        raise fields.fault(f"{scale} is no scale")
    unit = _centre_unit(scale)
    x, y, z = (fields.signed("centre", MAX_CENTRE) * unit for _ in range(3))
    return Normalization((x, y, z), scale)
