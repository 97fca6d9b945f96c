"""The knobs of the codec, and the shape of its network. Imports nothing heavy: command lines read this module."""

from __future__ import annotations

from dataclasses import dataclass

from bench.codec import Rate
from necgs.coding.entropy import CODERS, RANGE

LAYERS = 8
MAX_WIDTH = 1024
POINTS = 1 << 13
MAX_RESOLUTION = 256
"""What a decoder agrees to: 7 million weights, and grids whose full volume takes 270 MB."""

FITS = ("none", "direct", "rendered")


@dataclass(frozen=True)
class NetworkSpec:
    """What a decoder must know before it can read the weights.

    Args:
        resolution: K, grid points per axis; a multiple of 4.
        channels: outputs: 4 (TSDF, deformation), or 1 (TSDF alone).
        latent: numbers of a shape's latent.
        width: outputs of every layer but the last.

    Raises:
        ValueError: a number out of range.
    """

    resolution: int
    channels: int
    latent: int
    width: int

    def __post_init__(self) -> None:
        _whole("resolution", self.resolution, 8, MAX_RESOLUTION)
        _whole("latent", self.latent, 1, MAX_WIDTH)
        _whole("width", self.width, 1, MAX_WIDTH)
        if self.resolution % 4:
            raise ValueError(f"resolution must be a multiple of 4, not {self.resolution}")
        if self.channels not in (1, 4):
            raise ValueError(f"a volume has 1 or 4 channels, not {self.channels}")

    def layer_shapes(self) -> tuple[tuple[int, int], ...]:
        """(outputs, inputs) of the eight weight matrices; each layer has ``outputs`` biases."""
        first, inner, last = (self.width, 3 + self.latent), (self.width, self.width), (self.channels, self.width)
        return (first, *(inner,) * (LAYERS - 2), last)

    @property
    def parameter_count(self) -> int:
        """Weights and biases."""
        return sum(outputs * (inputs + 1) for outputs, inputs in self.layer_shapes())

    @property
    def decoding_bytes(self) -> int:
        """About the memory of decoding a shape: weights, the points evaluated at a time, the whole volume."""
        return 16 * self.parameter_count + 12 * POINTS * self.width + 8 * self.channels * self.resolution**3


@dataclass(frozen=True)
class QuantDeepSdfRate(Rate):
    """Settings of one rate point; the defaults are for minutes on two cores; the profile ``paper`` has the
    published scale.

    Args:
        width: outputs of every layer but the last: the rate.
        latent: numbers of a shape's latent.
        resolution: K, grid points per axis.
        deformation: whether grid points move (TSDF-Def) or not (TSDF).
        fit: how the deformation is found: ``rendered`` as published, ``direct`` by closest points, ``none``; without
            deformation ``none``.
        entropy: ``huffman`` as published, or ``range``.
        steps: of the optimiser.
        batch: points per step, over all its shapes.
        learning_rate: at the start; falls to zero as a cosine.
    """

    width: int = 64
    latent: int = 64
    resolution: int = 64
    deformation: bool = False
    fit: str = "none"
    entropy: str = RANGE
    steps: int = 4000
    batch: int = 4096
    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        _one_of("fit", self.fit, FITS)
        _one_of("entropy", self.entropy, CODERS)
        if not isinstance(self.deformation, bool):
            raise ValueError(f"deformation is on or off, not {self.deformation!r}")
        if self.fit != "none" and not self.deformation:
            raise ValueError(f"fit={self.fit} has no effect with deformation=off: use fit=none")
        _whole("steps", self.steps, 1, 10**8)
        _whole("batch", self.batch, 64, 1 << 24)
        if not isinstance(self.learning_rate, int | float) or not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate must lie between 0 and 1, not {self.learning_rate!r}")
        self.spec()

    def spec(self) -> NetworkSpec:
        """The network."""
        return NetworkSpec(self.resolution, 4 if self.deformation else 1, self.latent, self.width)


def _whole(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number in {low}..{high}, not {value!r}")


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")
