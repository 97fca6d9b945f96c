"""Every knob of the codec in one validated record, and what it means for the decoder and its training.

Nothing heavy is imported before training starts: the record is read by command lines.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.codec import Rate
from necgs.coding.entropy import CODERS, RANGE
from necgs.decoder.spec import BLOCK_SPARSE, DENSE, DecoderSpec, block_sparse_spec, paper_spec
from necgs.volume import MAX_RESOLUTION

if TYPE_CHECKING:
    from necgs.training.block_sparse import BlockSettings
    from necgs.training.dense import DenseSettings

PAPER_WIDTHS = (64, 48, 32, 24, 16)
ARCHITECTURES = ("auto-decoder", "auto-encoder")
FITS = ("none", "direct", "rendered")
ALIASES = {"def": "deformation"}

WHOLE_NUMBERS = {
    "resolution": MAX_RESOLUTION,
    "width": 1024,
    "block": 64,
    "latent_channels": 1024,
    "epochs": 10**6,
    "batch": 1 << 16,
}
POSITIVE_NUMBERS = {"learning_rate": 1, "rate_weight": 1, "latent_rate": 1, "latent_step": 100, "weight_step": 1}
"""Bounds of the settings that are numbers."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "decoder": BLOCK_SPARSE,
        "resolution": 96,
        "deformation": False,
        "fit": "direct",
        "ssim": False,
        "width": 32,
        "rate_weight": 4e-3,
        "epochs": 100,
        "learning_rate": 8e-3,
        "latent_rate": 2e-2,
    },
    "paper": {"entropy": "huffman"},
}
"""Settings by name: ``quick`` for minutes on two cores, ``paper`` as published."""

QUICK_RATES: Mapping[str, Mapping[str, Any]] = {
    "k64": {"resolution": 64, "rate_weight": 16e-3},
    "k96-coarse": {"resolution": 96, "rate_weight": 16e-3},
    "k96": {"resolution": 96, "rate_weight": 4e-3},
    "k128": {"resolution": 128, "rate_weight": 4e-3},
    "k192": {"resolution": 192, "rate_weight": 4e-3},
}
"""Rate points of the ``quick`` preset, from the smallest to the largest."""

BITS_PER_WEIGHT = 6.5
BITS_PER_LATENT = 7.5
"""What entropy coding leaves, about."""


@dataclass(frozen=True)
class NecgsRate(Rate):
    """Settings of one rate point; the defaults are the paper's.

    Args:
        decoder: ``dense`` or ``block-sparse``.
        architecture: ``auto-decoder`` (latents are trained) or ``auto-encoder`` (a network makes them).
        resolution: K, grid points per axis.
        width: dense: channels of the decoder's last block; the blocks before it are wider in the published proportion.
            Block-sparse: hidden channels of its network.
        widths: all widths at once, ``64-48-32-24-16``; overrides ``width``.
        block: block-sparse: grid points per axis of a block.
        latent_channels: numbers per latent vector.
        deformation: whether grid points move (TSDF-Def) or not (TSDF).
        fit: how volumes are fitted to the mesh: ``rendered`` as published, ``direct`` by closest points, ``none``.
        ssim: dense: whether the loss has its SSIM term.
        entropy: ``huffman`` as published, or ``range``.
        epochs: passes over the set.
        batch: shapes per step.
        learning_rate: of the weights.
        kaiming: dense: variance-preserving initial weights instead of the framework's.
        rate_weight: block-sparse: what a thousand bits of latents may cost in distortion
        (`necgs.training.block_sparse`). latent_rate: block-sparse: learning rate of the latents.
        latent_step: block-sparse: initial quantisation step of the latents.
        weight_step: block-sparse: quantisation step of a weight tensor, as a part of its root mean square.
    """

    decoder: str = DENSE
    architecture: str = "auto-decoder"
    resolution: int = 128
    width: int = 16
    widths: str = ""
    deformation: bool = True
    block: int = 4
    latent_channels: int = 16
    fit: str = "rendered"
    ssim: bool = True
    entropy: str = RANGE
    epochs: int = 400
    batch: int = 4
    learning_rate: float = 1e-3
    kaiming: bool = False
    rate_weight: float = 2e-3
    latent_rate: float = 1e-2
    latent_step: float = 0.4
    weight_step: float = 0.1

    def __post_init__(self) -> None:
        _one_of("decoder", self.decoder, (DENSE, BLOCK_SPARSE))
        _one_of("architecture", self.architecture, ARCHITECTURES)
        _one_of("fit", self.fit, FITS)
        _one_of("entropy", self.entropy, CODERS)
        for name in ("deformation", "ssim", "kaiming"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is on or off, not {getattr(self, name)!r}")
        for name, high in WHOLE_NUMBERS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= high:
                raise ValueError(f"{name} must be a whole number in 1..{high}, not {value!r}")
        for name, limit in POSITIVE_NUMBERS.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < limit:
                raise ValueError(f"{name} must lie between 0 and {limit:g}, not {value!r}")
        self._check_variant()
        self.spec()

    def _check_variant(self) -> None:
        """No setting may be without effect: what a variant does not have must be off."""
        if self.decoder == BLOCK_SPARSE and (self.ssim or self.kaiming or self.architecture != ARCHITECTURES[0]):
            raise ValueError("the block-sparse decoder has no ssim, kaiming or auto-encoder: use decoder=dense")
        power_of_two = self.resolution >= 16 and not self.resolution & (self.resolution - 1)
        if self.decoder == DENSE and (not power_of_two or self.latent_channels != 16):
            raise ValueError("the dense decoder needs latent_channels=16 and a power of two, from 16 on, as resolution")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> NecgsRate:
        """As `Rate.of`; ``def``, a word that Python keeps for itself, is taken for ``deformation``."""
        renamed = {ALIASES.get(key, key): value for key, value in settings.items()}
        return cls(**dataclasses.asdict(Rate.of.__func__(cls, renamed)))  # type: ignore[attr-defined]

    @property
    def channels(self) -> int:
        """Channels of a volume: 4 with deformation, 1 without."""
        return 4 if self.deformation else 1

    def spec(self) -> DecoderSpec:
        """The decoder. Raises ``ValueError`` where the widths do not fit the resolution."""
        if self.decoder == BLOCK_SPARSE:
            network = _parsed(self.widths) if self.widths else (self.width,)
            return block_sparse_spec(self.resolution, network, self.latent_channels, self.block, self.channels)
        widths = _parsed(self.widths) if self.widths else tuple(max(1, w * self.width // 16) for w in PAPER_WIDTHS)
        return paper_spec(self.resolution, widths, self.channels)

    def training(self) -> DenseSettings | BlockSettings:
        """Settings of the training."""
        from necgs.training.block_sparse import BlockSettings
        from necgs.training.dense import DenseSettings
        from necgs.training.losses import LossWeights

        if self.decoder == BLOCK_SPARSE:
            return BlockSettings(
                rate=self.rate_weight,
                epochs=self.epochs,
                batch=self.batch,
                learning_rate=self.learning_rate,
                latent_rate=self.latent_rate,
                step=self.latent_step,
                weight_step=self.weight_step,
            )
        loss = LossWeights() if self.ssim else LossWeights(ssim=0.0)
        return DenseSettings(
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            kaiming=self.kaiming,
            loss=loss,
            encoder=self.architecture == "auto-encoder",
        )


def width_for(target: int, shapes: int, settings: Mapping[str, Any]) -> int:
    """The largest width that should stay within ``target`` bytes for a set of ``shapes``; 0 where none does.

    A prediction: how well the weights of a set compress is known after training only.
    """
    best = 0
    for width in range(1, 129):
        try:
            spec = NecgsRate.of({**settings, "width": width}).spec()
        except ValueError:
            break
        latents = shapes * spec.latent_grid**3 * spec.latent_channels
        if spec.parameter_count * BITS_PER_WEIGHT + latents * BITS_PER_LATENT > 8 * target:
            break
        best = width
    return best


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")


def _parsed(widths: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in str(widths).split("-"))
    except ValueError:
        raise ValueError(f"widths are numbers joined by '-' (64-48-32-24-16), not {widths!r}") from None
