"""Small trained sets of fixed integers: what bitstream tests and golden files are made of."""

from __future__ import annotations

import numpy as np

from necgs.decoder_spec import DENSE, DecoderSpec, parameter_shapes
from necgs.trained_set import PAPER_EXPONENT, TrainedSet


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
