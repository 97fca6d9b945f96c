"""Every knob of the codec in one validated record, and what it means for the decoder and its training.

Nothing heavy is imported before training starts: the record is read by command lines.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.codec import Rate
from necgs.decoder_spec import BLOCK_SPARSE, DENSE, MAX_RESOLUTION, DecoderSpec, paper_spec
from necgs.entropy import CODERS, RANGE

if TYPE_CHECKING:
    from necgs.dense_training import DenseSettings

PAPER_WIDTHS = (64, 48, 32, 24, 16)
ARCHITECTURES = ("auto-decoder", "auto-encoder")
FITS = ("none", "direct", "rendered")
ALIASES = {"def": "deformation"}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {"resolution": 64, "fit": "none", "kaiming": True, "learning_rate": 5e-3, "epochs": 100, "width": 4},
    "paper": {"entropy": "huffman"},
}
"""Settings by name: ``quick`` for minutes on two cores, ``paper`` as published."""

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
        width: channels of the decoder's last block; the blocks before it are wider in the published proportion.
        widths: all widths at once, ``64-48-32-24-16``; overrides ``width``.
        deformation: whether grid points move (TSDF-Def) or not (TSDF).
        fit: how the deformation is found: ``rendered`` as published, ``direct`` by closest points, ``none``.
        ssim: whether the loss has its SSIM term.
        entropy: ``huffman`` as published, or ``range``.
        epochs: passes over the set.
        batch: shapes per step.
        learning_rate: of the weights.
        kaiming: variance-preserving initial weights instead of the framework's.
    """

    decoder: str = DENSE
    architecture: str = "auto-decoder"
    resolution: int = 128
    width: int = 16
    widths: str = ""
    deformation: bool = True
    fit: str = "rendered"
    ssim: bool = True
    entropy: str = RANGE
    epochs: int = 400
    batch: int = 4
    learning_rate: float = 1e-3
    kaiming: bool = False

    def __post_init__(self) -> None:
        _one_of("decoder", self.decoder, (DENSE, BLOCK_SPARSE))
        _one_of("architecture", self.architecture, ARCHITECTURES)
        _one_of("fit", self.fit, FITS)
        _one_of("entropy", self.entropy, CODERS)
        for name in ("deformation", "ssim", "kaiming"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is on or off, not {getattr(self, name)!r}")
        for name, high in (("resolution", MAX_RESOLUTION), ("width", 1024), ("epochs", 10**6), ("batch", 1 << 16)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= high:
                raise ValueError(f"{name} must be a whole number in 1..{high}, not {value!r}")
        if not isinstance(self.learning_rate, int | float) or not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate must lie between 0 and 1, not {self.learning_rate!r}")
        if self.resolution & (self.resolution - 1) or self.resolution < 16:
            raise ValueError(f"resolution must be a power of two of at least 16, not {self.resolution}")
        self.spec()

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
        widths = _parsed(self.widths) if self.widths else tuple(max(1, w * self.width // 16) for w in PAPER_WIDTHS)
        return paper_spec(self.resolution, widths, self.channels)

    def training(self) -> DenseSettings:
        """Settings of the training."""
        from necgs.dense_training import DenseSettings
        from necgs.losses import LossWeights

        loss = LossWeights() if self.ssim else LossWeights(ssim=0.0)
        return DenseSettings(
            epochs=self.epochs, batch=self.batch, learning_rate=self.learning_rate, kaiming=self.kaiming, loss=loss
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
