"""Entropy coding of the latents with the checkpoint's own factorised model, through constriction's range coder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.codec import CorruptArchive

if TYPE_CHECKING:
    from baselines.points.pcgcv2.network import EntropyBottleneck

# The model's floats are rounded to counts out of this, so that two machines agree on them.
PRECISION = 1 << 16
LIMIT = 127

Ints = NDArray[np.int32]


def encode_features(latents: Ints, low: int, high: int, model: EntropyBottleneck) -> bytes:
    """Code (n, 8) int32 latents within [low, high]; nothing when they are all alike."""
    import constriction

    if low == high:
        return b""
    encoder = constriction.stream.queue.RangeEncoder()
    for channel, probabilities in enumerate(_probabilities(model, low, high)):
        distribution = constriction.stream.model.Categorical(probabilities, perfect=False)
        encoder.encode(np.ascontiguousarray(latents[:, channel] - low), distribution)
    return bytes(encoder.get_compressed().astype("<u4").tobytes())


def decode_features(data: bytes, count: int, low: int, high: int, model: EntropyBottleneck) -> Ints:
    """Inverse of `encode_features`: (count, 8) int32.

    Raises:
        CorruptArchive: when the bytes do not decode.
    """
    import constriction

    channels = model._matrices[0].shape[0]
    if low == high:
        return np.full((count, channels), low, np.int32)
    if len(data) % 4 or low > high:
        raise CorruptArchive("the stream of latents is cut")
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
    columns = []
    for probabilities in _probabilities(model, low, high):
        distribution = constriction.stream.model.Categorical(probabilities, perfect=False)
        try:
            columns.append(np.asarray(decoder.decode(distribution, count), np.int32) + np.int32(low))
        except (AssertionError, ValueError) as error:
            raise CorruptArchive(f"the stream of latents does not decode: {error}") from None
    return np.stack(columns, axis=1)


def _probabilities(model: EntropyBottleneck, low: int, high: int) -> NDArray[np.float64]:
    """(8, high - low + 1) probabilities of the integers, in double precision on the CPU whatever the device."""
    import copy

    import torch

    with torch.no_grad():
        exact = copy.deepcopy(model).to("cpu", torch.float64)
        values = torch.arange(low, high + 1, dtype=torch.float64)
        channels = exact._matrices[0].shape[0]
        likelihood = exact.likelihood(values[:, None].expand(-1, channels)).T.numpy()
    counts = np.maximum(np.round(likelihood * PRECISION), 1.0)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), np.float64)
