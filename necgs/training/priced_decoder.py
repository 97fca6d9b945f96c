"""A decoder in training, and what its latents cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PricedDecoder:
    """A decoder and what its latents cost.

    Args:
        weights: tensors of `parameter_shapes`.
        steps: (C,), of the latents.
        predictor: (C, 3 C + 13), of their prediction.
        log_scales: (C,), as in `laplace_bits`.
    """

    weights: Mapping[str, Tensor]
    steps: Tensor
    predictor: Tensor
    log_scales: Tensor
