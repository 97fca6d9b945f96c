"""What a shape would cost as a volume, foretold from its mesh in a fraction of a second.

A block of a volume costs bits by how the surface bends in it: the bytes of a shape are in proportion to the sum over
its blocks of sqrt(1 - |mean normal|). The surface error is in proportion to the size of a cell. Both factors were
measured with ``necgs`` 1 at its defaults on two humans, two animals and two machine parts of the sample set, trained
together at five settings (K = 48 to 192, lambda = 1e-3 to 16e-3): the bytes were 0.89 to 1.84 times those foretold here
(1.84 at K = 48; 0.89 to 1.33 from K = 96 on), the errors 0.75 to 1.09 times. In the whole set of 48 shapes, humans and
animals at k96-coarse take 0.94 and 1.06 times the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from necgs.volume.surface import Surface, sample_count

if TYPE_CHECKING:
    from trimesh import Trimesh

    from necgs.settings import NecgsRate

MARGIN = 0.7
"""A shape is not ruled out while so much of its foretold bytes and of its error would do ..."""
LEAST_DECODER = 1000
"""... together with so many bytes of weights for all volumes; the fewest seen are 1,067, of one shape at K = 64."""

_BITS, _ERROR, _LAMBDA = 82.0, 152.0, 4e-3  # of a block by its bend, and of 1 / K in 1e-3; at this lambda
_BITS_SLOPE, _ERROR_SLOPE = -0.38, 0.26  # exponents of lambda
_SAMPLES_PER_BLOCK = 16.0


@dataclass(frozen=True)
class Forecast:
    """What a shape costs as a volume.

    Args:
        nbytes: of its own part, without the decoder.
        error: mean surface error in 1e-3.
    """

    nbytes: float
    error: float


def forecast(mesh: Trimesh, rate: NecgsRate) -> Forecast:
    """What the volume of a mesh in the cube would cost."""
    finer = rate.lambda_ / _LAMBDA
    bits = _BITS * finer**_BITS_SLOPE * bend(mesh, rate.resolution, rate.block)
    return Forecast(bits / 8, _ERROR * finer**_ERROR_SLOPE / rate.resolution)


def bend(mesh: Trimesh, resolution: int, block: int) -> float:
    """Sum over the blocks that a surface enters of sqrt(1 - |mean normal|); 0 for planes between blocks' corners."""
    surface = Surface(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    size = 2 * block / (resolution - 1)
    points, faces = surface.sample(sample_count(surface, _SAMPLES_PER_BLOCK, size), seed=0)
    cells = np.floor((points.clip(-1, 1) + 1) / size).astype(np.int64)
    _, of, counts = np.unique(cells @ [1 << 20, 1 << 10, 1], return_inverse=True, return_counts=True)
    normals = surface.normals[faces].astype(np.float64)
    mean = np.stack([np.bincount(of, axis) for axis in normals.T], axis=1) / counts[:, None]
    return float(np.sqrt((1 - np.linalg.norm(mean, axis=1)).clip(0)).sum())
