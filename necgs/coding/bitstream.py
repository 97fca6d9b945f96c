"""The parts of a coded set as bytes: one that all shapes share and one per shape, each with a checksum.

Shared part, field by field (types as in `bench.codec.fields`):

=====================  =========================================================================================
field                  what
=====================  =========================================================================================
format version         varint, `VERSION`
entropy coder          varint, index into ``huffman``, ``range``
decoder variant        varint, index into `necgs.decoder.spec.VARIANTS`
decoder numbers        varint count, then that many varints (`DecoderSpec.numbers`: K first)
weight steps           varint n (1: one for all tensors; else one per tensor), then n signed bytes
latent steps           the same, per latent channel
weight tables          varint n; for n > 1 one varint per tensor (which table); then n tables
latents                what their coder needs, see below
weights                one entropy-coded stream: all tensors in the order of `parameter_shapes`, each in C order
checksum               CRC-32 of all that, 4 bytes, little endian
=====================  =========================================================================================

The dense decoder, and every decoder with Huffman codes, has its latents coded channel by channel under tables: laid
out as the weight tables, n = 0 where no shape has a latent. The block-sparse decoder with the range coder has them
coded as `necgs.coding.latent_coding` says, by its two fields.

Part of a shape: one entropy-coded stream (block states where the decoder is block-sparse, see `necgs.coding.mask`; then
the latents) and its CRC-32. It needs the shared part and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec import Archive, CorruptArchive, Part
from bench.codec.fields import CHECKSUM_BYTES, FieldReader, FieldWriter, checked_crc32, with_crc32
from necgs.coding import entropy
from necgs.coding.entropy import CODERS, RANGE, RangeDecoder, RangeEncoder
from necgs.coding.latent_coding import LatentModel, decode_latents, encode_latents
from necgs.coding.latent_prediction import residuals, restore
from necgs.coding.mask import decode_states, encode_states
from necgs.coding.table_family import Tables, fit_tables, read_tables, representable, write_tables
from necgs.decoder.blocks import BlockSet
from necgs.decoder.spec import BLOCK_SPARSE, VARIANTS, DecoderSpec, latent_shape, parameter_shapes
from necgs.decoder.trained_set import OCCUPIED, TrainedSet

VERSION = 1
MAX_NUMBER = 1 << 16
MAX_NUMBERS = 64
PREDICTOR = "predict.weight"

Codes = NDArray[np.int32]
States = NDArray[np.int8]


@dataclass(frozen=True)
class SharedPart:
    """What all shapes of a set share.

    Args:
        coder: ``huffman`` or ``range``.
        decoder: the decoder with its weights, and no shapes.
        latents: what the latents' coder knows: tables of the channels, or a `LatentModel`.
        ledger: bytes of header, tables and weights.
    """

    coder: str
    decoder: TrainedSet
    latents: Tables | LatentModel
    ledger: Mapping[str, int]


def encode_set(trained: TrainedSet, coder: str) -> Archive:
    """All parts of a set, with a ledger of weights, latents, tables, mask and header.

    Raises:
        ValueError: a tensor has more different codes than a table can hold.
    """
    shared, part = encode_shared(trained, coder)
    states: Sequence[States | None] = trained.blocks or [None] * len(trained.latents)
    shapes = [encode_shape(shared, codes, blocks) for codes, blocks in zip(trained.latents, states, strict=True)]
    return Archive(tuple(shapes), part)


def encode_shared(trained: TrainedSet, coder: str) -> tuple[SharedPart, Part]:
    """The shared part of a set: as a decoder will see it, and as bytes."""
    weights = [trained.weights[name] for name in parameter_shapes(trained.spec)]
    weight_tables = fit_tables(coder, weights)
    latents = _fit_latents(trained, coder)
    header, tables = FieldWriter(), FieldWriter()
    header.unsigned(VERSION)
    header.unsigned(CODERS.index(coder))
    header.unsigned(VARIANTS.index(trained.spec.variant))
    header.unsigned(len(numbers := trained.spec.numbers()))
    for number in numbers:
        header.unsigned(number)
    _write_steps(header, [trained.weight_exponents[name] for name in parameter_shapes(trained.spec)])
    _write_steps(header, trained.latent_exponents)
    write_tables(tables, weight_tables)
    _write_latents(tables, latents)
    stream = entropy.encoder(coder)
    for index, codes in enumerate(weights):
        stream.numbers(codes, weight_tables[index])
    data = with_crc32(header.getvalue() + tables.getvalue() + (body := stream.getvalue()))
    ledger = {"header": len(header) + CHECKSUM_BYTES, "tables": len(tables), "weights": len(body)}
    decoder = TrainedSet(trained.spec, trained.weights, trained.weight_exponents, (), trained.latent_exponents)
    return SharedPart(coder, decoder, latents, ledger), Part(data, ledger)


def decode_shared(data: bytes) -> SharedPart:
    """Read a shared part.

    Raises:
        CorruptArchive: cut short, altered, of another version, or asking for what cannot be.
    """
    fields = FieldReader(checked_crc32(data, "shared part"), "shared part")
    if (version := fields.unsigned("format version", MAX_NUMBER)) != VERSION:
        raise fields.fault(f"it has format version {version}; this program reads version {VERSION}")
    coder = CODERS[fields.unsigned("entropy coder", len(CODERS) - 1)]
    spec = _read_spec(fields)
    shapes = parameter_shapes(spec)
    exponents = _read_steps(fields, len(shapes), "weight steps")
    latent_exponents = _read_steps(fields, spec.latent_channels, "latent steps")
    header = fields.position
    tables = read_tables(fields, coder, len(shapes))
    latents = _read_latents(fields, coder, spec)
    if not tables.tables:
        raise fields.fault("the weights have no tables")
    ledger = {"header": header + CHECKSUM_BYTES, "tables": fields.position - header, "weights": fields.left}
    stream = entropy.decoder(coder, fields.rest())
    weights = {
        name: stream.numbers(math.prod(shape), tables[index]).reshape(shape)
        for index, (name, shape) in enumerate(shapes.items())
    }
    decoder = TrainedSet(spec, weights, dict(zip(shapes, exponents, strict=True)), (), latent_exponents)
    return SharedPart(coder, decoder, latents, ledger)


def encode_shape(shared: SharedPart, codes: Codes, states: States | None = None) -> Part:
    """The part of one shape. Codes that the shared tables do not cover (a shape added later) are moved to the nearest.

    Args:
        shared: the set's shared part.
        codes: int32 latent codes of shape `latent_shape`, as in a `TrainedSet`.
        states: int8 (G, G, G) block states, block-sparse only.
    """
    stream = entropy.encoder(shared.coder)
    if states is not None:
        encode_states(stream, states)
    mask_bits = stream.ideal_bits
    if isinstance(shared.latents, LatentModel):
        assert states is not None
        assert isinstance(stream, RangeEncoder)
        predictor = shared.decoder.weights[PREDICTOR]
        whole = restore(codes, predictor, BlockSet.of(states[None]))
        encode_latents(stream, whole, states, predictor, shared.latents)
    elif len(codes):
        for channel, numbers in enumerate(representable(shared.latents, codes).T):
            stream.numbers(numbers, shared.latents[channel])
    data = stream.getvalue()
    mask = min(len(data), round(mask_bits / 8))
    return Part(with_crc32(data), {"mask": mask, "latents": len(data) - mask, "header": CHECKSUM_BYTES})


def decode_shape(shared: SharedPart, data: bytes) -> TrainedSet:
    """The decoder with the one shape of ``data``, which is the part of a shape.

    Raises:
        CorruptArchive: cut short or altered.
    """
    decoder, spec = shared.decoder, shared.decoder.spec
    stream = entropy.decoder(shared.coder, checked_crc32(data, "part of a shape"))
    blocks: tuple[States, ...] = ()
    if spec.variant == BLOCK_SPARSE:
        blocks = (decode_states(stream, spec.latent_grid),)
    if isinstance(shared.latents, LatentModel):
        assert isinstance(stream, RangeDecoder)
        whole = decode_latents(stream, blocks[0], decoder.weights[PREDICTOR], shared.latents)
        codes = residuals(whole, decoder.weights[PREDICTOR], BlockSet.of(blocks[0][None]))
    else:
        rows = latent_shape(spec, int((blocks[0] == OCCUPIED).sum()) if blocks else 0)[0]
        codes = _decode_rows(stream, rows, spec.latent_channels, shared.latents)
    return TrainedSet(spec, decoder.weights, decoder.weight_exponents, (codes,), decoder.latent_exponents, blocks)


def _decode_rows(stream: entropy.Decoder, rows: int, channels: int, tables: Tables) -> Codes:
    if rows and not tables.tables:
        raise CorruptArchive("part of a shape: it has latents, but the shared part has no tables for them")
    columns = [stream.numbers(rows, tables[channel]) for channel in range(channels if rows else 0)]
    return np.stack(columns, axis=1) if columns else np.zeros((0, channels), dtype=np.int32)


def _fit_latents(trained: TrainedSet, coder: str) -> Tables | LatentModel:
    channels = trained.spec.latent_channels
    if trained.spec.variant == BLOCK_SPARSE and coder == RANGE:
        predictor = trained.weights[PREDICTOR]
        pairs = [(codes, states) for codes, states in zip(trained.latents, trained.blocks, strict=True) if len(codes)]
        whole = [restore(codes, predictor, BlockSet.of(states[None])) for codes, states in pairs]
        if not whole:
            return LatentModel((0,) * channels, 1)
        return LatentModel.fit(whole, [states for _, states in pairs], predictor)
    latents = np.concatenate([np.zeros((0, channels), np.int32), *trained.latents])
    return fit_tables(coder, list(latents.T), open_ended=True) if latents.size else Tables((), ())


def _write_latents(out: FieldWriter, latents: Tables | LatentModel) -> None:
    if isinstance(latents, LatentModel):
        latents.write(out)
    else:
        write_tables(out, latents)


def _read_latents(fields: FieldReader, coder: str, spec: DecoderSpec) -> Tables | LatentModel:
    if spec.variant == BLOCK_SPARSE and coder == RANGE:
        return LatentModel.read(fields, spec.latent_channels)
    return read_tables(fields, coder, spec.latent_channels)


def _write_steps(out: FieldWriter, exponents: Sequence[int]) -> None:
    chosen = exponents[:1] if len(set(exponents)) == 1 else exponents
    out.unsigned(len(chosen))
    for exponent in chosen:
        out.byte(exponent)


def _read_steps(fields: FieldReader, count: int, field: str) -> tuple[int, ...]:
    stored = fields.unsigned(f"number of {field}", count, low=1)
    if stored not in (1, count):
        raise fields.fault(f"there are {stored} {field} for {count} arrays")
    exponents = tuple(fields.byte(field) for _ in range(stored))
    return exponents if stored == count else exponents * count


def _read_spec(fields: FieldReader) -> DecoderSpec:
    variant = VARIANTS[fields.unsigned("decoder variant", len(VARIANTS) - 1)]
    count = fields.unsigned("number of decoder numbers", MAX_NUMBERS)
    numbers = tuple(fields.unsigned("decoder number", MAX_NUMBER) for _ in range(count))
    try:
        return DecoderSpec.of(variant, numbers)
    except ValueError as error:
        raise fields.fault(str(error)) from None
