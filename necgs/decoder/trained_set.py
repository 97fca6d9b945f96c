"""What training leaves behind: integers, and the exponents of their steps. It is all that a file stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from necgs.decoder.spec import BLOCK_SPARSE, DecoderSpec, latent_shape, parameter_shapes

OUTSIDE, OCCUPIED, INSIDE = 0, 1, 2
"""States of a block: no surface and outside; the surface enters it; no surface and inside."""

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class TrainedSet:
    """A decoder and one latent per shape, quantised.

    Args:
        spec: the decoder's shape.
        weights: name -> int32 codes, shaped and ordered as `parameter_shapes` says; value = code * step.
        weight_exponents: name -> step exponent of that tensor (`necgs.quantize.step_size`).
        latents: per shape int32 codes of shape `latent_shape`; value = code * step.
        latent_exponents: step exponent of each latent channel; the same for all shapes.
        blocks: per shape int8 (G, G, G) block states with G = ``spec.latent_grid``; empty for the dense variant.

    Raises:
        ValueError: a part is missing or has the wrong shape.
    """

    spec: DecoderSpec
    weights: Mapping[str, Codes]
    weight_exponents: Mapping[str, int]
    latents: tuple[Codes, ...]
    latent_exponents: tuple[int, ...]
    blocks: tuple[NDArray[np.int8], ...] = ()

    def __post_init__(self) -> None:
        shapes = parameter_shapes(self.spec)
        if {name: codes.shape for name, codes in self.weights.items()} != shapes:
            raise ValueError("the weight tensors are not those of the decoder")
        if set(self.weight_exponents) != set(shapes):
            raise ValueError("every weight tensor needs one step exponent")
        if len(self.latent_exponents) != self.spec.latent_channels:
            raise ValueError(f"{len(self.latent_exponents)} latent steps for {self.spec.latent_channels} channels")
        if self.spec.variant == BLOCK_SPARSE and len(self.blocks) != len(self.latents):
            raise ValueError(f"{len(self.blocks)} block grids for {len(self.latents)} shapes")
        for index, codes in enumerate(self.latents):
            expected = latent_shape(self.spec, self.occupied(index))
            if codes.shape != expected:
                raise ValueError(f"latent codes of shape {index} are {codes.shape}, not {expected}")

    def occupied(self, index: int) -> int:
        """Number of occupied blocks of a shape (0 for the dense variant)."""
        return int(np.count_nonzero(self.blocks[index] == OCCUPIED)) if self.blocks else 0
