"""The settings of the codec ``necgs``: one validated record, and what it means for the decoder and its training.

Nothing heavy is imported before training starts: command lines read this module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bench.codec import Rate
from necgs.coding.entropy import CODERS, RANGE
from necgs.decoder.spec import MAX_WIDTH, DecoderSpec, block_sparse_spec
from necgs.setting_checks import check_one_of, check_positive, check_switch, check_whole, widths_of
from necgs.volume import MAX_RESOLUTION

if TYPE_CHECKING:
    from necgs.training.block_settings import BlockSettings
    from necgs.training.dense import DenseSettings

FITS = ("none", "direct", "rendered")

LADDER: Mapping[str, Mapping[str, Any]] = {
    "k64": {"resolution": 64, "lambda": 16e-3},
    "k96-coarse": {"resolution": 96, "lambda": 16e-3},
    "k96": {"resolution": 96, "lambda": 4e-3},
    "k128": {"resolution": 128, "lambda": 4e-3},
    "k192": {"resolution": 192, "lambda": 4e-3},
    "k128-fine": {"resolution": 128, "lambda": 1e-3},
}
"""The rate points, from the smallest archive to the largest; all else is as the defaults of `NecgsRate` say."""

SHORT_LADDER = ("k64", "k96-coarse", "k96", "k128", "k128-fine")
"""Without K = 192, whose volumes take twice as long as those of K = 128."""


FEW = 48
"""Shapes of a set over which it is passed as often as the setting ``epochs`` says."""


class VolumeRate(Protocol):
    """What the steps from meshes to bytes ask of a rate point, whichever of the two NeCGS codecs it belongs to."""

    @property
    def resolution(self) -> int:
        """K, grid points per axis."""

    @property
    def channels(self) -> int:
        """Channels of a volume: 4 with deformation, 1 without."""

    @property
    def fit(self) -> str:
        """One of `FITS`."""

    @property
    def entropy(self) -> str:
        """One of `necgs.coding.entropy.CODERS`."""

    def spec(self) -> DecoderSpec:
        """The decoder."""

    def training(self, shapes: int = FEW) -> DenseSettings | BlockSettings:
        """Settings of the training on a set of so many shapes."""


def passes(epochs: int, shapes: int, batch: int) -> int:
    """Passes over a set: ``epochs`` over `FEW` shapes, over fewer as many as make as many steps, over more fewer.

    The decoder learns from all shapes, a latent from its own alone. A small set's weights need the steps to become
    small; of a large one half the passes do for 200 shapes, a quarter loses 3 % of the bytes (docs/necgs-training.md).
    """
    if shapes <= FEW:
        return math.ceil(epochs * math.ceil(FEW / batch) / math.ceil(max(shapes, 1) / batch))
    return max(1, round(epochs * math.sqrt(FEW / shapes)))


@dataclass(frozen=True)
class NecgsRate(Rate):
    """Settings of one rate point of ``necgs``; ``lambda`` and ``resolution`` together decide on its rate.

    Args:
        resolution: K, grid points per axis; a multiple of ``block``.
        lambda_: ``lambda`` outside Python: weight of the bits in the loss, what a thousand bits of a shape's latents
            may cost in distortion (`necgs.training.block_sparse`). Weights cost as much, over the number of shapes.
        width: hidden channels of the decoder's network; several joined by ``-`` for a decoder with doublings
            (`necgs.decoder.spec.DecoderSpec`).
        block: grid points per axis of a block.
        latent_channels: numbers per block.
        deformation: whether grid points move (TSDF-Def) or not (TSDF).
        fit: how volumes are fitted to the mesh: ``direct`` by closest points (without deformation it moves the TSDF
            only), ``rendered`` as published (it needs the deformation), ``none``.
        entropy: ``range`` or ``huffman``.
        epochs: passes over a set of 48 shapes; a smaller one takes as many steps, a larger one fewer passes (`passes`).
        batch: shapes per step.
        learning_rate: of the network's weights.
        latent_learning_rate: of the latents.
        latent_step: initial quantisation step of the latents.
        weight_step: initial quantisation step of a weight tensor, as a part of its root mean square.

    Raises:
        ValueError: a setting out of range, or one that would have no effect beside another; naming it.
    """

    resolution: int = 96
    lambda_: float = 4e-3
    width: int | str = 32
    block: int = 4
    latent_channels: int = 16
    deformation: bool = False
    fit: str = "direct"
    entropy: str = RANGE
    epochs: int = 100
    batch: int = 4
    learning_rate: float = 8e-3
    latent_learning_rate: float = 2e-2
    latent_step: float = 0.4
    weight_step: float = 0.1

    def __post_init__(self) -> None:
        whole = {"resolution": MAX_RESOLUTION, "block": 64, "latent_channels": MAX_WIDTH}
        for name, high in {**whole, "epochs": 10**6, "batch": 1 << 16}.items():
            check_whole(name, getattr(self, name), high)
        for name, limit in {
            "learning_rate": 1,
            "latent_learning_rate": 1,
            "latent_step": 100,
            "weight_step": 1,
        }.items():
            check_positive(name, getattr(self, name), limit)
        check_positive("lambda", self.lambda_, 1)
        check_switch("deformation", self.deformation)
        check_one_of("entropy", self.entropy, CODERS)
        check_one_of("fit", self.fit, FITS)
        if self.fit == "rendered" and not self.deformation:
            raise ValueError("fit=rendered has no effect with deformation=off: use fit=direct or fit=none")
        self.spec()

    @property
    def channels(self) -> int:
        """Channels of a volume: 4 with deformation, 1 without."""
        return 4 if self.deformation else 1

    def spec(self) -> DecoderSpec:
        """The decoder. Raises ``ValueError`` where block and widths do not fit the resolution."""
        widths = widths_of(self.width, MAX_WIDTH)
        return block_sparse_spec(self.resolution, widths, self.latent_channels, self.block, self.channels)

    def training(self, shapes: int = FEW) -> BlockSettings:
        """Settings of the training on a set of so many shapes."""
        from necgs.training.block_settings import BlockSettings

        return BlockSettings(
            lambda_=self.lambda_,
            epochs=passes(self.epochs, shapes, self.batch),
            batch=self.batch,
            learning_rate=self.learning_rate,
            latent_learning_rate=self.latent_learning_rate,
            step=self.latent_step,
            weight_step=self.weight_step,
        )
