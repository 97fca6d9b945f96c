"""The cost of blocks on a CPU as one operation of autograd: compiled, shape by shape, on several threads.

Each shape's sums are its own and are added in the order of the shapes: results do not depend on the threads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import necgs.training.block_kernels as kernels
from necgs.coding.prediction import CAUSAL
from necgs.decoder.spec import DecoderSpec
from necgs.training.priced_decoder import PricedDecoder
from necgs.training.shape_rows import ResidentBlocks, absent

if TYPE_CHECKING:
    from necgs.training.block_loss import BlockTargets

S = TypeVar("S")
T = TypeVar("T")
Array = NDArray[Any]

CHUNK = 512
"""Blocks whose surroundings are gathered at a time."""


@dataclass(frozen=True)
class ShapeArrays:
    """A shape's blocks as the kernels take them (`necgs.training.block_kernels`): the training's own memory.

    Args:
        ahead: int16 or int32 (n, 27).
        none: its number for inside.
        codes: int16 (n, P), what values should be.
        exact: uint8 (n, bytes), which points decide.
        edges: int32 (m,), those that change sign.
        edge: b.
        of_points: one over the number of points that decide.
        of_zeros: one over the number of edges that change sign.
    """

    ahead: Array
    none: int
    codes: Array
    exact: Array
    edges: Array
    edge: int
    of_points: np.float32
    of_zeros: np.float32

    @classmethod
    def of(cls, targets: BlockTargets, resident: ResidentBlocks) -> tuple[ShapeArrays, ...]:
        """Of each shape of a set on the CPU."""
        edge, none = targets.changes.block_edge, absent(resident.ahead.dtype)[0]
        prices = (1 / targets.sizes).T.numpy()
        found = []
        for shape, (of_points, of_zeros) in enumerate(prices):
            rows = slice(int(targets.starts[shape]), int(targets.starts[shape + 1]))
            parts = (
                resident.ahead[rows],
                targets.codes[shape].flatten(1),
                targets.exact[shape],
                targets.changes.edges[shape],
            )
            ahead, codes, exact, edges = (part.numpy() for part in parts)
            found.append(cls(ahead, none, codes, exact, edges, edge, of_points, of_zeros))
        return tuple(found)

    @property
    def where(self) -> tuple[Array, int]:
        """``ahead`` and ``none``."""
        return self.ahead, self.none


@dataclass(frozen=True)
class _Decoder:
    """A decoder as its products take it, tensors without gradients.

    Args:
        steps: (C,), of latents.
        near: (27 (C + 1), W), the convolution's weights as `gather_around` orders its inputs.
        bias: (W,).
        latents: (C, P), from latents to points.
        hidden: (W, P), from hidden features to points.
        offset: (P,).
        predictor: (3 C + 13, C).
        scales: (C,).
    """

    steps: Tensor
    near: Tensor
    bias: Tensor
    latents: Tensor
    hidden: Tensor
    offset: Tensor
    predictor: Tensor
    scales: Tensor

    @staticmethod
    def parts(spec: DecoderSpec, decoder: PricedDecoder) -> list[Tensor]:
        """The fields in their order, with gradients."""
        weights, width = decoder.weights, spec.widths[0]
        near = weights["conv0.weight"].permute(2, 3, 4, 1, 0).reshape(-1, width)
        # A point's channels lie side by side in the weights; in blocks each channel's points do.
        cut = (spec.block_edge**3, spec.channels)
        to_points = weights["out.weight"].view(*cut, width).transpose(0, 1).reshape(-1, width)
        offset = weights["out.bias"].view(cut).T.reshape(-1) + weights["synthesis.bias"]
        linear = weights["synthesis.weight"].T
        kept = (decoder.predictor.T, decoder.log_scales.exp())
        return [decoder.steps, near, weights["conv0.bias"], linear, to_points.T, offset, *kept]


class CompiledCost:
    """`necgs.training.block_cost.Cost` of some shapes.

    Args:
        spec: a block-sparse decoder with one width.
        shapes: in their order.
        sign_weight: as in `block_loss`.
        bit_price: what a bit costs in the loss.
        threads: at most so many shapes at a time.
    """

    def __init__(
        self, spec: DecoderSpec, shapes: Sequence[ShapeArrays], sign_weight: float, bit_price: float, threads: int
    ) -> None:
        self._spec, self.threads = spec, threads
        self.shapes, self.sign_weight, self.bit_price = shapes, np.float32(sign_weight), np.float32(bit_price)
        self.counts = [len(shape.ahead) for shape in shapes]

    def __call__(self, decoder: PricedDecoder, coded: Tensor, rated: Tensor) -> Tensor:
        """The cost (n,) of each block."""
        parts = _Decoder.parts(self._spec, decoder)
        cost: Tensor = _Cost.apply(self, coded, rated, *parts)  # type: ignore[no-untyped-call]
        return cost


class _Cost(torch.autograd.Function):
    """Cost (n,) of blocks; arguments are a `CompiledCost`, codes (n, C) and the fields of `_Decoder`."""

    @staticmethod
    def forward(ctx: Any, batch: CompiledCost, coded: Tensor, rated: Tensor, *parts: Tensor) -> Tensor:
        decoder = _Decoder(*(part.detach().contiguous() for part in parts))
        codes = (torch.split(part.detach().contiguous(), batch.counts) for part in (coded, rated))
        taken = zip(batch.shapes, *codes, strict=True)
        each = [_ShapeCost(batch, shape, here, counted, decoder) for shape, here, counted in taken]
        ctx.batch, ctx.each = batch, each
        return torch.cat(_on_threads(_ShapeCost.forward, each, batch.threads))

    @staticmethod
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor | None, ...]:
        whole = any(ctx.needs_input_grad[3:])
        own = torch.split(weights.contiguous(), ctx.batch.counts)

        def gradient(item: tuple[_ShapeCost, Tensor]) -> tuple[Tensor, ...]:
            return item[0].gradient(item[1], whole=whole)

        items = list(zip(ctx.each, own, strict=True))
        found = list(zip(*_on_threads(gradient, items, ctx.batch.threads), strict=True))
        shared = [functools.reduce(torch.add, parts) for parts in found[2:]] or [None] * (len(ctx.needs_input_grad) - 3)
        return None, torch.cat(found[0]), torch.cat(found[1]), *shared


class _ShapeCost:
    """The cost of one shape's blocks and its gradient."""

    def __init__(
        self, batch: CompiledCost, shape: ShapeArrays, coded: Tensor, rated: Tensor, decoder: _Decoder
    ) -> None:
        self._shape, self._coded, self._rated, self._decoder = shape, coded, rated, decoder
        self._price = batch.bit_price
        self._points = (shape.codes, shape.exact, shape.edge, shape.of_points, batch.sign_weight)
        self._zeros = (shape.codes, shape.edges, shape.ahead, shape.edge, shape.of_zeros)

    def forward(self) -> Tensor:
        """The cost (n,) of each block; what the gradient needs is kept."""
        decoder, n = self._decoder, len(self._coded)
        self._latents = self._coded * decoder.steps
        hidden = decoder.bias.repeat(n, 1)
        for rows, around in self._chunks():
            hidden[rows].addmm_(around, decoder.near)
        self._active, self._bend = torch.empty_like(hidden), torch.empty_like(hidden)
        kernels.activate(*(part.view(-1).numpy() for part in (hidden, self._active, self._bend)))
        values = torch.addmm(decoder.offset, self._latents, decoder.latents).addmm_(self._active, decoder.hidden)
        self._values, cost = values.numpy(), np.empty(n, np.float32)
        kernels.point_errors(self._values, *self._points, cost)
        kernels.zero_errors(self._values, *self._zeros, cost)
        off = torch.addmm(self._rated, self._before(), decoder.predictor, alpha=-1)
        self._of_bits, self._of_scales = torch.empty_like(off), torch.empty_like(off)
        slopes = self._of_bits.numpy(), self._of_scales.numpy()
        kernels.code_bits(off.numpy(), decoder.scales.numpy(), self._price, cost, *slopes)
        return torch.from_numpy(cost)

    def gradient(self, weights: Tensor, *, whole: bool) -> tuple[Tensor, ...]:
        """Of the costs, each times its weight (n,): by coded, rated and, if ``whole``, the fields of the decoder."""
        decoder, shape = self._decoder, self._shape
        by_values = torch.empty(self._values.shape)
        kernels.point_slopes(self._values, *self._points, weights.numpy(), by_values.numpy())
        kernels.zero_slopes(self._values, *self._zeros, weights.numpy(), by_values.numpy())
        by_hidden = (by_values @ decoder.hidden.T).mul_(self._bend)
        by_latents = by_values @ decoder.latents.T
        by_near = torch.zeros_like(decoder.near)
        for rows, around in self._chunks():
            if whole:
                by_near.addmm_(around.T, by_hidden[rows])
            torch.mm(by_hidden[rows], decoder.near.T, out=around)
            kernels.scatter_around(around.numpy(), *shape.where, rows.start, by_latents.numpy())
        by_rated = self._of_bits * (weights * float(self._price))[:, None]
        by_coded = by_latents * decoder.steps
        before = len(CAUSAL) * len(decoder.steps)
        kernels.scatter_before((-by_rated @ decoder.predictor[:before].T).numpy(), *shape.where, by_coded.numpy())
        if not whole:
            return by_coded, by_rated
        by_scales = (weights * float(self._price)) @ self._of_scales / decoder.scales
        maps = self._latents.T @ by_values, self._active.T @ by_values, by_values.sum(0)
        prediction = -self._before().T @ by_rated
        by_steps = (by_latents * self._coded).sum(0)
        return by_coded, by_rated, by_steps, by_near, by_hidden.sum(0), *maps, prediction, by_scales

    def _chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Rows of blocks, and what lies around them (m, 27 (C + 1)): few enough to stay in the processor's cache."""
        count, latents = len(self._coded), self._latents.numpy()
        buffer = torch.empty(min(count, CHUNK), len(self._decoder.near))
        for first in range(0, count, CHUNK):
            around = buffer[: count - first]
            kernels.gather_around(latents, *self._shape.where, first, around.numpy())
            yield slice(first, first + len(around)), around

    def _before(self) -> Tensor:
        """What codes are predicted from, (n, 3 C + 13)."""
        inputs = torch.empty(len(self._coded), len(self._decoder.predictor))
        kernels.gather_before(self._coded.numpy(), *self._shape.where, inputs.numpy())
        return inputs


def _on_threads(work: Callable[[S], T], items: Sequence[S], threads: int) -> list[T]:
    """``work`` of each item, in their order; kernels and products let other threads of Python run."""
    return list(map(work, items)) if min(threads, len(items)) <= 1 else list(_pool(threads).map(work, items))


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads whose products take one thread each."""
    return ThreadPoolExecutor(threads, "cost of blocks", torch.set_num_threads, (1,))
