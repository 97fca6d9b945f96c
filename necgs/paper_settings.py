"""The settings of the codec ``necgs-paper``: what the paper states and what its ablations change, nothing else.

Nothing heavy is imported before training starts: command lines read this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.codec import Rate
from necgs.coding.entropy import HUFFMAN
from necgs.decoder.spec import MAX_WIDTH, DecoderSpec, paper_spec
from necgs.setting_checks import check_one_of, check_positive, check_switch, check_whole, widths_of
from necgs.volume import MAX_RESOLUTION

if TYPE_CHECKING:
    from necgs.training.dense import DenseSettings

PAPER_WIDTHS = (64, 48, 32, 24, 16)
ARCHITECTURES = ("auto-decoder", "auto-encoder")
FITS = ("auto", "rendered", "none")

LADDER: Mapping[str, Mapping[str, Any]] = {f"w{width}": {"width": width} for width in (8, 11, 15, 20)}
"""The published widths are not known: 16 is that of the released script, the sizes published for AMA suggest about 15,
11 and 8."""


@dataclass(frozen=True)
class PaperRate(Rate):
    """Settings of one rate point of ``necgs-paper``; the defaults are the paper's, ``width`` decides on the rate.

    Args:
        resolution: K, grid points per axis; a power of two from 16 on.
        width: channels of the decoder's last block; those before it are wider in the published proportion. Or all
            widths, one per doubling: ``64-48-32-24-16``.
        deformation: whether grid points move (TSDF-Def) or not (TSDF).
        fit: how the deformation is found: ``rendered``, ``none``; ``auto``: rendered where there is a deformation.
        architecture: ``auto-decoder`` (latents are trained) or ``auto-encoder`` (a network makes them).
        ssim: whether the loss has its SSIM terms.
        epochs: passes over the set.
        batch: shapes per step.
        learning_rate: of weights and latents.

    Raises:
        ValueError: a setting out of range, or one that would have no effect beside another; naming it.
    """

    resolution: int = 128
    width: int | str = 16
    deformation: bool = True
    fit: str = "auto"
    architecture: str = "auto-decoder"
    ssim: bool = True
    epochs: int = 400
    batch: int = 4
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name, high in {"resolution": MAX_RESOLUTION, "epochs": 10**6, "batch": 1 << 16}.items():
            check_whole(name, getattr(self, name), high)
        check_positive("learning_rate", self.learning_rate, 1)
        for name in ("deformation", "ssim"):
            check_switch(name, getattr(self, name))
        check_one_of("architecture", self.architecture, ARCHITECTURES)
        check_one_of("fit", self.fit, FITS)
        if self.fit == "rendered" and not self.deformation:
            raise ValueError("fit=rendered has no effect with deformation=off: leave fit out")
        if self.fit == "auto":
            object.__setattr__(self, "fit", "rendered" if self.deformation else "none")
        if self.resolution < 16 or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution must be a power of two from 16 on, not {self.resolution}")
        self.spec()

    @property
    def channels(self) -> int:
        """Channels of a volume: 4 with deformation, 1 without."""
        return 4 if self.deformation else 1

    @property
    def entropy(self) -> str:
        """The paper's entropy coder."""
        return HUFFMAN

    def spec(self) -> DecoderSpec:
        """The decoder. Raises ``ValueError`` where the widths do not fit the resolution."""
        widths = widths_of(self.width, MAX_WIDTH)
        if len(widths) == 1:
            return paper_spec(self.resolution, tuple(max(1, w * widths[0] // 16) for w in PAPER_WIDTHS), self.channels)
        spec = paper_spec(self.resolution, widths, self.channels)
        if spec.widths != widths:
            raise ValueError(
                f"width has {len(widths)} numbers; K = {self.resolution} has {len(spec.widths)} doublings: one each"
            )
        return spec

    def training(self, shapes: int = 0) -> DenseSettings:
        """Settings of the training, whatever the number of shapes."""
        from necgs.training.dense import DenseSettings
        from necgs.training.losses import LossWeights

        return DenseSettings(
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            loss=LossWeights() if self.ssim else LossWeights(ssim=0.0),
            encoder=self.architecture == "auto-encoder",
        )
