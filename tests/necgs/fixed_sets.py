"""Small trained sets of fixed integers: what bitstream tests and golden files are made of."""

from __future__ import annotations

import numpy as np

from necgs.coding.prediction import Predictor
from necgs.decoder.blocks import BlockSet
from necgs.decoder.spec import DENSE, DecoderSpec, block_sparse_spec, parameter_shapes
from necgs.decoder.trained_set import TrainedSet
from necgs.quantize import PAPER_EXPONENT


def pattern(shape: tuple[int, ...], salt: int, spread: int) -> np.ndarray:
    """Integers of about Laplacian distribution from a multiplicative hash: the same everywhere, for ever."""
    count = int(np.prod(shape))
    index = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(1000 * salt)
    hashed = (index * np.uint64(2654435761) >> np.uint64(7)) % np.uint64(1 << 16)
    uniform = hashed.astype(np.int64) - (1 << 15)
    magnitude = spread * uniform**2 // (1 << 30)
    return (np.sign(uniform) * magnitude).astype(np.int32).reshape(shape)


def dense_set(shapes: int = 3) -> TrainedSet:
    """A dense decoder of K = 8 and 348 parameters, with equal steps."""
    spec = DecoderSpec(DENSE, resolution=8, channels=4, latent_grid=4, latent_channels=1, widths=(1,))
    names = parameter_shapes(spec)
    return TrainedSet(
        spec=spec,
        weights={name: pattern(shape, index, 40) for index, (name, shape) in enumerate(names.items())},
        weight_exponents=dict.fromkeys(names, PAPER_EXPONENT),
        latents=tuple(pattern((64, 1), 50 + index, 60) for index in range(shapes)),
        latent_exponents=(PAPER_EXPONENT,),
    )


def stepped_set(shapes: int = 2) -> TrainedSet:
    """A dense decoder of K = 4 whose tensors and latent channels have steps of their own."""
    spec = DecoderSpec(DENSE, resolution=4, channels=1, latent_grid=2, latent_channels=3, widths=(2,))
    names = parameter_shapes(spec)
    return TrainedSet(
        spec=spec,
        weights={name: pattern(shape, index, 9) for index, (name, shape) in enumerate(names.items())},
        weight_exponents={name: -40 + 3 * index for index, name in enumerate(names)},
        latents=tuple(pattern((8, 3), 50 + index, 5) * (1, 2, 7) for index in range(shapes)),
        latent_exponents=(-30, -25, 4),
    )


def block_states(shape: int, grid: int = 4) -> np.ndarray:
    """A ball of blocks about a point that depends on the shape: occupied where it ends, inside where it does not."""
    i, j, k = np.indices((grid, grid, grid))
    squared = (2 * i - 3) ** 2 + (2 * j - 2) ** 2 + (2 * k - 2 - shape) ** 2
    return np.where(squared > 14, 0, np.where(squared > 2, 1, 2)).astype(np.int8)


def block_set(shapes: int = 2) -> TrainedSet:
    """A block-sparse decoder of K = 8: blocks of 2^3 points, neighbouring latents alike, integers throughout."""
    spec = block_sparse_spec(8, widths=(2,), latent_channels=2, block=2)
    names = parameter_shapes(spec)
    states = [block_states(shape) for shape in range(shapes)]
    blocks = BlockSet.of(np.stack(states))
    smooth = np.argwhere(blocks.states == 1)[:, 1:] @ np.array([[5, 1], [-4, 2], [3, -6]])
    codes = (smooth + pattern((len(blocks), 2), 77, 9)).astype(np.int32)
    return TrainedSet(
        spec=spec,
        weights={name: pattern(shape, index, 15) for index, (name, shape) in enumerate(names.items())},
        weight_exponents={name: -30 + index for index, name in enumerate(names)},
        latents=tuple(np.split(codes, blocks.starts[1:-1])),
        latent_exponents=(-20, -24),
        blocks=tuple(states),
    )


def block_predictor() -> Predictor:
    """A prediction for `block_set`, with a step exponent that follows those of its weights."""
    weights = np.zeros(Predictor.shape(2), dtype=np.int32)
    weights[0, [0, 2, 4, 12]] = (22, 21, 20, 70)
    weights[1, [1, 3, 5, 7]] = (25, 20, 18, -40)
    return Predictor(weights, -30 + len(block_set().weights))
