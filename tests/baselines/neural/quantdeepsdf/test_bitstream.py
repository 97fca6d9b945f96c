"""The bytes: exact both ways, stable, and safe against damage."""

import hashlib
import tracemalloc

import numpy as np
import pytest

from baselines.neural.quantdeepsdf.bitstream import (
    VERSION,
    decode_shape,
    decode_shared,
    encode_shape,
    encode_shared,
    numbers,
)
from baselines.neural.quantdeepsdf.settings import NetworkSpec
from baselines.neural.quantdeepsdf.training import Trained
from bench.codec import CorruptArchive
from bench.codec.fields import FieldWriter, with_crc32
from necgs.quantize import Quantizer

GOLDEN = {
    "huffman": "bd3b63af33a41ec99bbe1adc222ef04577153555f8ab09064dfd60c079219fc8",
    "range": "67e422a8fafc6177185a520c26970508bc074b00495a829b3b08ecddd6d50671",
}
"""SHA-256 of a shared part and a part of a shape; they change with the format version only."""


def some_network(spec=None):
    """Codes that a formula gives: the same everywhere."""
    spec = spec or NetworkSpec(16, 4, 5, 6)

    def codes(*shape):
        k = np.arange(np.prod(shape), dtype=np.int64)
        return (k * k * 7 % 61 - k * 11 % 31).reshape(shape).astype(np.int32)

    layers = tuple((codes(*shape), codes(shape[0])) for shape in spec.layer_shapes())
    return Trained(spec, layers, codes(3, spec.latent))


@pytest.fixture(params=["huffman", "range"])
def coder(request):
    return request.param


def test_exact_both_ways(coder):
    trained = some_network()
    _, part = encode_shared(trained, coder)
    shared = decode_shared(part.data)
    assert shared.spec == trained.spec
    for found, expected in zip(shared.layers, trained.layers, strict=True):
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
    for reach, latent in zip((0, 77, 255), trained.latents, strict=True):
        found, found_reach = decode_shape(shared, encode_shape(shared, latent, reach).data)
        np.testing.assert_array_equal(found, latent)
        assert found_reach == reach


def test_bytes_are_stable(coder):
    trained = some_network()
    shared, part = encode_shared(trained, coder)
    data = part.data + encode_shape(shared, trained.latents[0], 9).data
    assert hashlib.sha256(data).hexdigest() == GOLDEN[coder]


def test_numbers_are_multiples_of_the_published_step():
    codes = np.arange(-128, 129, dtype=np.int32)
    assert np.array_equal(numbers(codes), codes.astype(np.float32) / 128)
    assert Quantizer().step == 1 / 128


def test_every_flipped_bit_and_every_cut_is_refused(coder):
    trained = some_network()
    shared, part = encode_shared(trained, coder)
    readers = [(part.data, decode_shared), (encode_shape(shared, trained.latents[0], 9).data, shared)]
    for data, reader in readers:
        read = reader if callable(reader) else lambda damaged: decode_shape(shared, damaged)
        damages = [data[:cut] for cut in range(len(data))]
        damages += [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :] for i in range(len(data))]
        for damaged in damages:
            with pytest.raises(CorruptArchive):
                read(damaged)


def header(*fields):
    out = FieldWriter()
    for number in fields:
        out.unsigned(number)
    return out.getvalue()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((VERSION + 1, 1, 16, 1, 4, 4), "format version"),
        ((VERSION, 2, 16, 1, 4, 4), "entropy coder"),
        ((VERSION, 1, 1 << 30, 1, 4, 4), "resolution"),
        ((VERSION, 1, 18, 1, 4, 4), "multiple of 4"),
        ((VERSION, 1, 16, 2, 4, 4), "channels"),
        ((VERSION, 1, 16, 1, 0, 4), "latent"),
        ((VERSION, 1, 16, 1, 4, 1 << 40), "width"),
        ((VERSION, 1, 16, 1, 4, 4), "bytes"),
    ],
)
def test_a_hostile_header_with_a_good_checksum_is_refused(fields, message):
    with pytest.raises(CorruptArchive, match=message):
        decode_shared(with_crc32(header(*fields)))


def test_a_few_bytes_cannot_ask_for_much_memory(coder):
    _, part = encode_shared(some_network(NetworkSpec(16, 1, 4, 4)), coder)
    tables_and_stream = part.data[6:-4]
    huge = with_crc32(header(VERSION, ("huffman", "range").index(coder), 256, 4, 1023, 1024) + tables_and_stream)
    tracemalloc.start()
    with pytest.raises(CorruptArchive):
        decode_shared(huge)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32e6
