"""The memory that decoding takes is known beforehand, and a few bytes cannot ask for much."""

import weakref

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.codec import Context, CorruptArchive
from bench.codec.memory import FLOOR, PER_BYTE, check_memory
from necgs.coding.bitstream import decode_shape, decode_shared, encode_set
from necgs.decoder.dense import decode_volume
from necgs.decoder.memory import decoding_bytes
from necgs.decoder.spec import BLOCK_SPARSE, DENSE, DecoderSpec, latent_shape, parameter_shapes
from necgs.decoder.trained_set import OCCUPIED, TrainedSet
from necgs.stages import decode_mesh


class Live(TorchDispatchMode):
    """Counts the bytes of the tensors that are alive, and their largest sum."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return out

    def _count(self, storage):
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key, size):
        self.known.discard(key)
        self.now -= size


def zeros(spec, states=None):
    """A set of one shape whose codes are all zero: its tables are constant, its streams as good as empty."""
    shapes = parameter_shapes(spec)
    rows = latent_shape(spec, 0 if states is None else int((states == OCCUPIED).sum()))
    return TrainedSet(
        spec,
        {name: np.zeros(shape, np.int32) for name, shape in shapes.items()},
        dict.fromkeys(shapes, -4),
        (np.zeros(rows, np.int32),),
        (-4,) * spec.latent_channels,
        () if states is None else (states,),
    )


def full(grid):
    return np.full((grid, grid, grid), OCCUPIED, np.int8)


BOMBS = {
    "dense": (DecoderSpec(DENSE, 512, 1, 4, 1, (1, 1, 1, 1, 1, 1, 16)), None),
    "block-sparse": (DecoderSpec(BLOCK_SPARSE, 256, 1, 4, 1, (1,) * 12 + (64,)), full(4)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_few_bytes_do_not_ask_for_gigabytes(name):
    archive = encode_set(zeros(*BOMBS[name]), "range")
    assert archive.nbytes < 400
    with pytest.raises(CorruptArchive, match="--max-memory"):
        decode_mesh(decode_shared(archive.shared.data), archive.shapes[0].data, Context())


SMALL = {
    "dense": (DecoderSpec(DENSE, 32, 4, 4, 16, (24, 16, 8)), None),
    "block-sparse": (DecoderSpec(BLOCK_SPARSE, 32, 1, 8, 16, (16,)), full(8)),
    "block-sparse with doublings": (DecoderSpec(BLOCK_SPARSE, 32, 1, 8, 8, (16, 8, 8)), full(8)),
}


@pytest.mark.parametrize("name", SMALL)
def test_decoding_takes_about_what_was_foreseen(name):
    spec, states = SMALL[name]
    trained = zeros(spec, states)
    with Live() as live:
        decode_volume(trained, 0)
    foreseen = decoding_bytes(spec, 0 if states is None else states.size)
    assert 0.5 * foreseen < live.peak < 1.2 * foreseen


def test_the_budget_grows_with_the_bytes_or_is_what_the_user_says():
    check_memory(FLOOR + 10 * PER_BYTE, 10, "x")
    with pytest.raises(CorruptArchive, match="x: 10 bytes ask for"):
        check_memory(FLOOR + 10 * PER_BYTE + 1, 10, "x")
    check_memory(FLOOR + 10 * PER_BYTE + 1, 10, "x", 2 * FLOOR)
    with pytest.raises(CorruptArchive):
        check_memory(2, 10, "x", 1)


def test_a_small_limit_is_kept_by_every_part():
    archive = encode_set(zeros(*SMALL["dense"]), "range")
    shared = decode_shared(archive.shared.data)
    with pytest.raises(CorruptArchive, match="weights"):
        decode_shared(archive.shared.data, 1000)
    with pytest.raises(CorruptArchive, match="part of a shape"):
        decode_shape(shared, archive.shapes[0].data, 1000)
