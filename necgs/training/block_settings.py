"""How the block-sparse decoder is trained: one validated record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BlockSettings:
    """How to train the block-sparse variant.

    Args:
        lambda_: weight of the latents' bits, per thousand bits of a shape, against the mean error of the points that
            decide where the surface lies, in units of the TSDF.
        epochs: passes over the set.
        batch: shapes per step.
        learning_rate: of the network's weights.
        latent_learning_rate: of the latents.
        step: initial quantisation step of the latents, in units of the TSDF times the root of a block's points.
        weight_step: initial quantisation step of a weight tensor, as a part of its root mean square.
        sign_weight: of a wrong or endangered sign against an equal error of a value.
        noise: part of the training in which noise stands for quantisation.
        warmup: part of the training over which the learning rates grow from zero; then a cosine takes them down.
        refinement: sweeps over the codes of latents after the training (`necgs.training.code_refinement`), and again
            when the weights have adapted to them.
        adaptation: passes over the set in which they do, as a part of those of the training, rounded up; none without
            refinement.
    """

    lambda_: float = 2e-3
    epochs: int = 100
    batch: int = 4
    learning_rate: float = 8e-3
    latent_learning_rate: float = 2e-2
    step: float = 0.4
    weight_step: float = 0.1
    sign_weight: float = 3.0
    noise: float = 0.8
    warmup: float = 0.05
    refinement: int = 20
    adaptation: float = 1 / 6

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.refinement < 0:
            raise ValueError(
                f"epochs and batch must be at least 1 and refinement at least 0, not {self.epochs}, {self.batch} and "
                f"{self.refinement}"
            )
        if min(self.learning_rate, self.latent_learning_rate, self.step, self.weight_step) <= 0 or self.lambda_ < 0:
            raise ValueError(f"learning rates and steps must be positive, lambda not negative: {self}")
        if not (0 <= self.noise < 1 and 0 < self.warmup < 1 and 0 <= self.adaptation <= 1):
            raise ValueError("noise, warmup and adaptation are parts of the training")
