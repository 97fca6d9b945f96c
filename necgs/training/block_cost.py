"""Distortion plus priced bits of each block of some shapes: what training and the choice of codes make small.

Two ways to compute the same: with torch's operators, on every device and for every decoder; compiled
(`necgs.training.compiled_cost`), on a CPU and for decoders with one width, about twice as quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from necgs.decoder.block_sparse import block_decoder
from necgs.decoder.spec import DecoderSpec
from necgs.training.block_loss import BlockTarget, BlockTargets, block_loss
from necgs.training.compiled_cost import CompiledCost, ShapeArrays
from necgs.training.priced_decoder import PricedDecoder
from necgs.training.rate_model import laplace_bits
from necgs.training.shape_rows import BatchBlocks, ResidentBlocks

Cost = Callable[[PricedDecoder, Tensor, Tensor], Tensor]
"""Of (decoder, codes (n, C) that it gets, codes (n, C) whose bits count), in steps: the cost (n,) of each block."""


@dataclass(frozen=True)
class BlockCosts:
    """The costs of a set's shapes.

    Args:
        spec: a block-sparse decoder.
        targets: of the set.
        resident: where its blocks lie.
        sign_weight: as in `block_loss`.
        bit_price: what a bit costs in the loss.
        shapes: what the compiled cost needs of each shape; None where torch's operators do it.
        threads: on which the compiled cost works.
    """

    spec: DecoderSpec
    targets: BlockTargets
    resident: ResidentBlocks
    sign_weight: float
    bit_price: float
    shapes: tuple[ShapeArrays, ...] | None
    threads: int

    @classmethod
    def of(
        cls,
        spec: DecoderSpec,
        targets: BlockTargets,
        resident: ResidentBlocks,
        *,
        sign_weight: float,
        bit_price: float,
    ) -> BlockCosts:
        """Compiled where it can be."""
        here = targets.sizes.device.type == "cpu" and not spec.doublings
        shapes = ShapeArrays.of(targets, resident) if here else None
        return cls(spec, targets, resident, sign_weight, bit_price, shapes, torch.get_num_threads())

    def among(self, shapes: NDArray[np.int64]) -> Cost:
        """The cost of the blocks of some shapes, in their order."""
        if self.shapes is not None:
            chosen = [self.shapes[shape] for shape in shapes.tolist()]
            return CompiledCost(self.spec, chosen, self.sign_weight, self.bit_price, self.threads)
        blocks = self.resident.batch(shapes)
        target = self.targets.batch(shapes, blocks.neighbours)

        def cost(decoder: PricedDecoder, coded: Tensor, rated: Tensor) -> Tensor:
            return self._cost(decoder, coded, rated, blocks, target)

        return cost

    @contextmanager
    def alone_on_threads(self) -> Iterator[None]:
        """Within it, where the cost is compiled, torch works on one thread: its sums would depend on their number."""
        before = torch.get_num_threads()
        if self.shapes is not None:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _cost(
        self, decoder: PricedDecoder, coded: Tensor, rated: Tensor, blocks: BatchBlocks, target: BlockTarget
    ) -> Tensor:
        latents = coded * decoder.steps
        predicted = block_decoder(self.spec, decoder.weights, latents, blocks.neighbours, blocks.sides)
        offset = rated - predicted_codes(coded, decoder.predictor, blocks)
        bits = laplace_bits(offset, decoder.log_scales).sum(dim=1)
        return block_loss(predicted, target, self.sign_weight) + self.bit_price * bits


def predicted_codes(coded: Tensor, predictor: Tensor, blocks: BatchBlocks) -> Tensor:
    """What codes (n, C) are expected to be from those of the blocks before and the sides of the others."""
    padded = torch.cat([coded, coded.new_zeros(1, coded.shape[1])])
    near = padded[blocks.causal].reshape(len(coded), -1)
    return F.linear(torch.cat([near, blocks.features], dim=1), predictor)
