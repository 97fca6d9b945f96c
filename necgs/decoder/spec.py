"""What a decoder is, in small integers: everything but its weights that is needed to rebuild it.

A specification comes out of a file header that may be hostile, so every bound is absolute and checked on construction:
whoever holds a `DecoderSpec` may allocate what `parameter_shapes` and `latent_shape` say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from necgs.volume import MAX_RESOLUTION

DENSE = "dense"
BLOCK_SPARSE = "block-sparse"
VARIANTS = (DENSE, BLOCK_SPARSE)

MAX_WIDTH = 1024
MAX_WIDTHS = 16
MAX_PARAMETERS = 1 << 26
MAX_BLOCKS = 128
"""Blocks per axis of a block-sparse decoder; bounds what a reader allocates for a few bytes of a mask."""

MAX_FEATURES = 1 << 31
"""Numbers that a dense decoder may hold at one level: what the published one of K = 512 does."""


@dataclass(frozen=True)
class DecoderSpec:
    """A decoder's shape.

    Args:
        variant: ``dense`` (PAPER.md stage 2: the whole grid at every level) or ``block-sparse`` (values only in
            blocks of the grid that the surface enters).
        resolution: K, grid points per axis.
        channels: 4 (TSDF and deformation) or 1 (TSDF alone).
        latent_grid: latent cells per axis. Dense: every cell carries a latent vector; block-sparse: one cell per
            block, and only the blocks that the surface enters carry one.
        latent_channels: numbers per latent vector.
        widths: dense: output channels of each upsampling block. Block-sparse: hidden channels of the convolution at
            the latents' resolution; then, for every doubling, channels after it and hidden channels at the new
            resolution. The last convolution's features give the points that are left of the block.

    Raises:
        ValueError: out of bounds or inconsistent, naming the field.
    """

    variant: str
    resolution: int
    channels: int
    latent_grid: int
    latent_channels: int
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"decoder variant {self.variant!r} is not one of {', '.join(VARIANTS)}")
        if self.channels not in (1, 4):
            raise ValueError(f"channels is {self.channels}; must be 1 (TSDF) or 4 (TSDF and deformation)")
        _within("resolution", self.resolution, 4, MAX_RESOLUTION)
        _within("latent_grid", self.latent_grid, 1, self.resolution)
        _within("latent_channels", self.latent_channels, 1, MAX_WIDTH)
        _within("number of widths", len(self.widths), 1, MAX_WIDTHS)
        for width in self.widths:
            _within("width", width, 1, MAX_WIDTH)
        self._check_levels()
        if (count := self.parameter_count) > MAX_PARAMETERS:
            raise ValueError(f"the decoder has {count} parameters; at most {MAX_PARAMETERS} are allowed")
        if self.variant == DENSE:
            self._check_memory()

    def _check_levels(self) -> None:
        if self.variant == DENSE and self.latent_grid << len(self.widths) != self.resolution:
            raise ValueError(
                f"{len(self.widths)} doublings of a {self.latent_grid}^3 latent give "
                f"{self.latent_grid << len(self.widths)}^3 points, not {self.resolution}^3: use one width per doubling"
            )
        if self.variant == BLOCK_SPARSE:
            _within("blocks per axis", self.latent_grid, 1, MAX_BLOCKS)
            if len(self.widths) % 2 == 0:
                raise ValueError(f"a block-sparse decoder has an odd number of widths, not {len(self.widths)}")
            if self.resolution % (self.latent_grid << self.doublings):
                raise ValueError(
                    f"resolution {self.resolution} is not a multiple of {self.latent_grid} blocks per axis doubled "
                    f"{self.doublings} times"
                )

    def _check_memory(self) -> None:
        features = [8 * width * (self.latent_grid << level) ** 3 for level, width in enumerate(self.widths)]
        if max(features) > MAX_FEATURES:
            raise ValueError(f"a level of the decoder has {max(features)} numbers; at most {MAX_FEATURES} are allowed")
        if (latents := math.prod(latent_shape(self))) > MAX_PARAMETERS:
            raise ValueError(f"a shape has {latents} latent numbers; at most {MAX_PARAMETERS} are allowed")

    @property
    def parameter_count(self) -> int:
        """Number of weights and biases."""
        return sum(math.prod(shape) for shape in parameter_shapes(self).values())

    @property
    def block_edge(self) -> int:
        """Grid points per axis of one latent cell."""
        return self.resolution // self.latent_grid

    @property
    def doublings(self) -> int:
        """How often the resolution doubles before the last convolution."""
        return len(self.widths) if self.variant == DENSE else len(self.widths) // 2

    def numbers(self) -> tuple[int, ...]:
        """All fields but the variant as integers, for a file header; `DecoderSpec.of` is the inverse."""
        return (self.resolution, self.channels, self.latent_grid, self.latent_channels, *self.widths)

    @classmethod
    def of(cls, variant: str, numbers: tuple[int, ...]) -> DecoderSpec:
        """Rebuild from `numbers`. Raises ``ValueError`` on anything that is not a valid decoder."""
        if len(numbers) < 5:
            raise ValueError(f"a decoder needs at least 5 numbers, not {len(numbers)}")
        resolution, channels, latent_grid, latent_channels, *widths = numbers
        return cls(variant, resolution, channels, latent_grid, latent_channels, tuple(widths))


def paper_spec(resolution: int = 128, widths: tuple[int, ...] = (64, 48, 32, 24, 16), channels: int = 4) -> DecoderSpec:
    """The published decoder: latent 4^3 x 16, one doubling per width; fewer or more levels for other K.

    For K = 64 the last width is dropped, for K = 256 it is used twice: of the two readings of "one block fewer", the
    one that agrees with the published sizes (85 KB less at K = 64).
    """
    levels = max(1, round(math.log2(resolution / 4)))
    chosen = widths[:levels] + widths[-1:] * (levels - len(widths))
    return DecoderSpec(DENSE, resolution, channels, 4, 16, chosen)


def parameter_shapes(spec: DecoderSpec) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every weight tensor, in the order in which files store them."""
    if spec.variant == DENSE:
        return _dense_shapes(spec)
    return _block_sparse_shapes(spec)


def block_sparse_spec(
    resolution: int, widths: tuple[int, ...] = (32,), latent_channels: int = 16, block: int = 4, channels: int = 1
) -> DecoderSpec:
    """A block-sparse decoder for blocks of ``block``^3 points.

    Raises:
        ValueError: the resolution is not a multiple of the block.
    """
    if block < 1 or resolution % block:
        raise ValueError(f"resolution {resolution} is not a multiple of the block's {block} points")
    return DecoderSpec(BLOCK_SPARSE, resolution, channels, resolution // block, latent_channels, widths)


def latent_shape(spec: DecoderSpec, occupied: int = 0) -> tuple[int, int]:
    """Rows and columns of one shape's latent codes.

    Dense: one row per latent cell in C order. Block-sparse: one row per occupied block in C order of the block grid.
    """
    rows = spec.latent_grid**3 if spec.variant == DENSE else occupied
    return rows, spec.latent_channels


def _dense_shapes(spec: DecoderSpec) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    fan_in = spec.latent_channels
    for level, width in enumerate(spec.widths):
        shapes[f"up{level}.weight"] = (8 * width, fan_in, 3, 3, 3)
        shapes[f"up{level}.bias"] = (8 * width,)
        fan_in = width
    shapes["out.weight"] = (spec.channels, fan_in, 3, 3, 3)
    shapes["out.bias"] = (spec.channels,)
    return shapes


def _block_sparse_shapes(spec: DecoderSpec) -> dict[str, tuple[int, ...]]:
    points = spec.channels * spec.block_edge**3
    shapes: dict[str, tuple[int, ...]] = {
        "synthesis.weight": (points, spec.latent_channels),
        "synthesis.bias": (points,),
    }
    fan_in = spec.latent_channels + 1
    for level in range(spec.doublings + 1):
        hidden = spec.widths[2 * level]
        shapes[f"conv{level}.weight"] = (hidden, fan_in, 3, 3, 3)
        shapes[f"conv{level}.bias"] = (hidden,)
        last = level == spec.doublings
        features = points >> 3 * level if last else 8 * spec.widths[2 * level + 1]
        name = "out" if last else f"up{level}"
        shapes[f"{name}.weight"] = (features, hidden)
        shapes[f"{name}.bias"] = (features,)
        fan_in = features // 8
    return shapes


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; must lie in {low}..{high}")
