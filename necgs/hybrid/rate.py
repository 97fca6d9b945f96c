"""The settings of the codec ``hybrid``: one validated record. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.codec import Rate
from necgs.mesh.rate import MOST_FACES, MeshSetRate
from necgs.setting_checks import check_one_of, check_positive, check_whole
from necgs.settings import NecgsRate

VOLUMES = ("auto", "try")

LADDER: Mapping[str, Mapping[str, Any]] = {
    "f300": {"faces": 300, "resolution": 48, "lambda": 16e-3},
    "f500": {"faces": 500, "resolution": 96, "lambda": 16e-3},
    "f1000": {"faces": 1000, "resolution": 128, "lambda": 4e-3},
    "f2000": {"faces": 2000, "resolution": 192, "lambda": 2e-3},
    "f3000": {"faces": 3000, "resolution": 256, "lambda": 1e-3},
    "f6000": {"faces": 6000, "resolution": 384, "lambda": 1e-3},
}
"""The rates of ``meshset``, each with the volumes whose surface error is about that of its meshes."""

_MEAN_ERROR, _MEAN_BYTES = 1.19, 763.0  # of a shape of the sample set at 1000 faces
_ERROR_SLOPE, _BYTES_SLOPE = 1.23, 1.08  # exponents of both in the number of faces, 300 to 1000


@dataclass(frozen=True)
class HybridRate(Rate):
    """Settings of one rate point of ``hybrid``.

    Args:
        faces: to which a shape is decimated that is coded as mesh, on average.
        resolution: K, grid points per axis of a shape that is coded as volume; a multiple of 4.
        lambda_: ``lambda`` outside Python: weight of the bits in the volumes' loss (`necgs.settings.NecgsRate`).
        epochs: of the training of volumes.
        price: what a byte may cost in surface error when a shape's mode is chosen, as a multiple of `byte_price`.
        volumes: ``auto``: volumes are trained for the shapes only for which a forecast does not rule them out;
            ``try``: for all, and what pays is kept.

    Raises:
        ValueError: a setting out of range, naming it.
    """

    faces: int = 1000
    resolution: int = 128
    lambda_: float = 4e-3
    epochs: int = 100
    price: float = 1.0
    volumes: str = "auto"

    def __post_init__(self) -> None:
        check_whole("faces", self.faces, MOST_FACES)
        check_positive("price", self.price, 1e6)
        check_one_of("volumes", self.volumes, VOLUMES)
        self.volume()

    def mesh(self) -> MeshSetRate:
        """The settings of shapes that are coded as meshes."""
        return MeshSetRate(faces=self.faces)

    def volume(self) -> NecgsRate:
        """The settings of shapes that are coded as volumes."""
        return NecgsRate(resolution=self.resolution, lambda_=self.lambda_, epochs=self.epochs)

    @property
    def byte_price(self) -> float:
        """What a byte may cost in mean surface error, in 1e-3 of the cube's half side: lambda of D + lambda R.

        The slope of the sample set's rate-distortion curve of ``meshset`` at this number of faces, times ``price``.
        """
        return self.price * byte_price(self.faces)


def byte_price(faces: int) -> float:
    """What one more byte a shape saves of its surface error (1e-3) on the sample set, at so many faces a shape."""
    size = faces / 1000
    error, coded = _MEAN_ERROR * size**-_ERROR_SLOPE, _MEAN_BYTES * size**_BYTES_SLOPE
    return float(_ERROR_SLOPE / _BYTES_SLOPE * error / coded)


def matching(faces: int) -> Mapping[str, Any]:
    """Settings for a number of faces that is not in the ladder: the volumes of the nearest rate, by ratio."""
    near = min(LADDER.values(), key=lambda rate: max(rate["faces"] / faces, faces / rate["faces"]))
    return {**near, "faces": faces}
