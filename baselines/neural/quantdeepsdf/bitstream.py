"""The parts of a coded set as bytes; fields, checksums and entropy coders are those of `necgs`.

Shared part, field by field (types as in `bench.codec.fields`):

=================  ==============================================================================================
field              what
=================  ==============================================================================================
format version     varint, `VERSION`
entropy coder      varint, index into ``huffman``, ``range``
network            four varints: resolution, channels, latent, width (`NetworkSpec`)
tables             nine: one for each layer, one for the latents
weights            one entropy-coded stream: for each layer the weights in C order, then the biases
checksum           CRC-32 of all that, 4 bytes, little endian
=================  ==============================================================================================

Part of a shape: the reach of its coarse-to-fine evaluation (1 byte, see `extraction`), one entropy-coded stream of its
latent, and the CRC-32 of both. All numbers are codes of the published quantiser: value = code / 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from baselines.neural.quantdeepsdf.settings import LAYERS, MAX_RESOLUTION, MAX_WIDTH, NetworkSpec
from bench.codec import Part
from bench.codec.fields import CHECKSUM_BYTES, FieldReader, FieldWriter, checked_crc32, with_crc32
from bench.codec.memory import check_memory
from necgs.coding import entropy
from necgs.coding.entropy import CODERS, Table
from necgs.quantize import PAPER_EXPONENT, values

if TYPE_CHECKING:
    from baselines.neural.quantdeepsdf.training import Trained

VERSION = 1

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class SharedPart:
    """What all shapes of a set share.

    Args:
        spec: the network's shape.
        coder: ``huffman`` or ``range``.
        layers: codes of weight (outputs, inputs) and bias (outputs,) of each layer.
        latent_table: of the latents' codes.
        nbytes: length of the part.
    """

    spec: NetworkSpec
    coder: str
    layers: tuple[tuple[Codes, Codes], ...]
    latent_table: Table
    nbytes: int = 0


def encode_shared(trained: Trained, coder: str) -> tuple[SharedPart, Part]:
    """The shared part: as a decoder will see it, and as bytes."""
    header, out_tables, stream = FieldWriter(), FieldWriter(), entropy.encoder(coder)
    spec = trained.spec
    for number in (VERSION, CODERS.index(coder), spec.resolution, spec.channels, spec.latent, spec.width):
        header.unsigned(number)
    flat = [np.concatenate([weight.ravel(), bias]) for weight, bias in trained.layers]
    tables = [entropy.fit(coder, codes) for codes in (*flat, trained.latents)]
    for table in tables:
        table.write(out_tables)
    for codes, table in zip(flat, tables, strict=False):
        stream.numbers(codes, table)
    data = with_crc32(header.getvalue() + out_tables.getvalue() + (body := stream.getvalue()))
    ledger = {"header": len(header) + CHECKSUM_BYTES, "tables": len(out_tables), "weights": len(body)}
    return SharedPart(spec, coder, trained.layers, tables[-1], len(data)), Part(data, ledger)


def decode_shared(data: bytes, max_memory: int | None = None) -> SharedPart:
    """Read a shared part.

    Args:
        data: the part.
        max_memory: bytes that decoding may ask for (`bench.codec.memory`).

    Raises:
        CorruptArchive: cut short, altered, of another version, or asking for what cannot be.
    """
    fields = FieldReader(checked_crc32(data, "shared part"), "shared part")
    if (version := fields.unsigned("format version", 1 << 16)) != VERSION:
        raise fields.fault(f"it has format version {version}; this program reads version {VERSION}")
    coder = CODERS[fields.unsigned("entropy coder", len(CODERS) - 1)]
    spec = _read_spec(fields)
    check_memory(spec.decoding_bytes, len(data), "shared part", max_memory)
    tables = [entropy.read_table(coder, fields) for _ in range(LAYERS + 1)]
    stream = entropy.decoder(coder, fields.rest())
    layers = []
    for (outputs, inputs), table in zip(spec.layer_shapes(), tables, strict=False):
        codes = stream.numbers(outputs * (inputs + 1), table)
        layers.append((codes[: outputs * inputs].reshape(outputs, inputs), codes[outputs * inputs :]))
    return SharedPart(spec, coder, tuple(layers), tables[-1], len(data))


def encode_shape(shared: SharedPart, latent: Codes, reach: int) -> Part:
    """The part of one shape: latent codes int32 (L,), reach 0..255."""
    stream = entropy.encoder(shared.coder)
    stream.numbers(latent, shared.latent_table)
    body = stream.getvalue()
    return Part(with_crc32(bytes([reach]) + body), {"reach": 1, "latents": len(body), "header": CHECKSUM_BYTES})


def decode_shape(shared: SharedPart, data: bytes) -> tuple[Codes, int]:
    """Latent codes and reach of a shape. Raises `CorruptArchive`: cut short or altered."""
    fields = FieldReader(checked_crc32(data, "part of a shape"), "part of a shape")
    reach = fields.raw(1, "reach")[0]
    return entropy.decoder(shared.coder, fields.rest()).numbers(shared.spec.latent, shared.latent_table), reach


def numbers(codes: Codes) -> NDArray[np.float32]:
    """What codes of weights and latents stand for."""
    return values(codes, PAPER_EXPONENT)


def _read_spec(fields: FieldReader) -> NetworkSpec:
    resolution = fields.unsigned("resolution", MAX_RESOLUTION)
    channels = fields.unsigned("channels", 4)
    latent, width = fields.unsigned("latent", MAX_WIDTH), fields.unsigned("width", MAX_WIDTH)
    try:
        return NetworkSpec(resolution, channels, latent, width)
    except ValueError as error:
        raise fields.fault(str(error)) from None
