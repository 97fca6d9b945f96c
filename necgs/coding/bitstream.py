"""The parts of a coded set as bytes: one that all shapes share and one per shape, each with a checksum.

Shared part, field by field (types as in `bench.codec.fields`):

=====================  =========================================================================================
field                  what
=====================  =========================================================================================
format version         varint: 1, weights under tables; 2, under a model (block-sparse with range coder)
entropy coder          varint, index into ``huffman``, ``range``
decoder variant        varint, index into `necgs.decoder.spec.VARIANTS`
decoder numbers        varint count, then that many varints (`DecoderSpec.numbers`: K first)
weight steps           varint n (1: one for all tensors; else one per tensor), then n signed bytes
latent steps           the same, per latent channel
weight tables          1: varint n; for n > 1 one varint per tensor (which table); then n tables
weight model           2: see `necgs.coding.weight_model.WeightModel.write`
latents                what their coder needs, see below
weights                one entropy-coded stream: all tensors in the order of `stored_shapes`, each in C order (a
                       model: group after group of a tensor, see `necgs.decoder.weight_groups`)
checksum               CRC-32 of all that, 4 bytes, little endian
=====================  =========================================================================================

Stored tensors are the decoder's and, behind a block-sparse decoder's, the weights of the prediction of its latents
(`necgs.coding.prediction`). How latents are coded is said in `necgs.coding.latents`. Where they have tables, these are
laid out as the weight tables, n = 0 where no shape has a latent; a `LatentModel` has two fields of its own.

Part of a shape: one entropy-coded stream (block states where the decoder is block-sparse, see `necgs.coding.mask`; then
the latents) and its CRC-32. It needs the shared part and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec import Archive, Part
from bench.codec.fields import CHECKSUM_BYTES, FieldReader, FieldWriter, checked_crc32, with_crc32
from bench.codec.memory import check_memory
from necgs.coding import entropy
from necgs.coding.entropy import CODERS
from necgs.coding.latents import LatentCoder, fit_latents, read_latents
from necgs.coding.mask import decode_states, encode_states
from necgs.coding.prediction import Predictor
from necgs.coding.weights import MODEL, TABLES, fit_weights, read_weights, version_of
from necgs.decoder.memory import decoding_bytes, parameter_bytes
from necgs.decoder.spec import BLOCK_SPARSE, VARIANTS, DecoderSpec, parameter_shapes
from necgs.decoder.trained_set import OCCUPIED, TrainedSet
from necgs.decoder.weight_groups import PREDICTOR

VERSIONS = (TABLES, MODEL)
MAX_NUMBER = 1 << 16
MAX_NUMBERS = 64

Codes = NDArray[np.int32]
States = NDArray[np.int8]


@dataclass(frozen=True)
class SharedPart:
    """What all shapes of a set share.

    Args:
        coder: ``huffman`` or ``range``.
        decoder: the decoder with its weights, and no shapes.
        latents: codes the latents of any shape, with what it knows of the set's.
        ledger: bytes of header, tables and weights.
        version: format version of the part.
    """

    coder: str
    decoder: TrainedSet
    latents: LatentCoder
    ledger: Mapping[str, int]
    version: int

    @property
    def nbytes(self) -> int:
        """Bytes of the coded part."""
        return sum(self.ledger.values())


def encode_set(trained: TrainedSet, coder: str, predictor: Predictor | None = None) -> Archive:
    """All parts of a set, with a ledger of weights, latents, tables, mask and header.

    Args:
        trained: the set.
        coder: ``huffman`` or ``range``.
        predictor: of a block-sparse decoder's latents; None: fitted to them.

    Raises:
        ValueError: a tensor has more different codes than a table can hold.
    """
    shared, part = encode_shared(trained, coder, predictor)
    states: Sequence[States | None] = trained.blocks or [None] * len(trained.latents)
    shapes = [encode_shape(shared, codes, blocks) for codes, blocks in zip(trained.latents, states, strict=True)]
    return Archive(tuple(shapes), part)


def encode_shared(trained: TrainedSet, coder: str, predictor: Predictor | None = None) -> tuple[SharedPart, Part]:
    """The shared part of a set: as a decoder will see it, and as bytes. As `encode_set` otherwise."""
    weights, exponents = dict(trained.weights), dict(trained.weight_exponents)
    if trained.spec.variant == BLOCK_SPARSE:
        predictor = predictor or Predictor.fit(trained.latents, trained.blocks, trained.spec.latent_channels)
        weights[PREDICTOR], exponents[PREDICTOR] = predictor.weights, predictor.exponent
    version, tensors = version_of(coder, trained.spec), {name: weights[name] for name in stored_shapes(trained.spec)}
    weight_coder = fit_weights(version, coder, tensors)
    latents = fit_latents(trained, coder, predictor)
    header, tables = FieldWriter(), FieldWriter()
    _write_spec(header, version, coder, trained.spec)
    _write_steps(header, [exponents[name] for name in tensors])
    _write_steps(header, trained.latent_exponents)
    weight_coder.write(tables)
    latents.write(tables)
    stream = entropy.encoder(coder)
    weight_coder.encode(stream, tensors)
    data = with_crc32(header.getvalue() + tables.getvalue() + (body := stream.getvalue()))
    ledger = {"header": len(header) + CHECKSUM_BYTES, "tables": len(tables), "weights": len(body)}
    decoder = TrainedSet(trained.spec, trained.weights, trained.weight_exponents, (), trained.latent_exponents)
    return SharedPart(coder, decoder, latents, ledger, version), Part(data, ledger)


def decode_shared(data: bytes, max_memory: int | None = None) -> SharedPart:
    """Read a shared part.

    Args:
        data: the part.
        max_memory: bytes that it may ask for (`bench.codec.memory`).

    Raises:
        CorruptArchive: cut short, altered, of another version, or asking for what cannot be.
    """
    fields = FieldReader(checked_crc32(data, "shared part"), "shared part")
    if (version := fields.unsigned("format version", MAX_NUMBER)) not in VERSIONS:
        raise fields.fault(f"it has format version {version}; this program reads {TABLES} and {MODEL}")
    coder = CODERS[fields.unsigned("entropy coder", len(CODERS) - 1)]
    spec = _read_spec(fields)
    if version > version_of(coder, spec):
        raise fields.fault(f"there is no format version {version} of such a decoder")
    shapes = stored_shapes(spec)
    numbers = sum(math.prod(shape) for shape in shapes.values())
    check_memory(parameter_bytes(numbers), len(data), "weights", max_memory)
    exponents = dict(zip(shapes, _read_steps(fields, len(shapes), "weight steps"), strict=True))
    latent_exponents = _read_steps(fields, spec.latent_channels, "latent steps")
    header = fields.position
    weight_coder = read_weights(version, coder, fields, shapes)
    latents = read_latents(fields, coder, spec)
    ledger = {"header": header + CHECKSUM_BYTES, "tables": fields.position - header, "weights": fields.left}
    stream = entropy.decoder(coder, fields.rest())
    weights = weight_coder.decode(stream, shapes)
    predictor = None
    if spec.variant == BLOCK_SPARSE:
        predictor = Predictor(weights.pop(PREDICTOR), exponents.pop(PREDICTOR))
    decoder = TrainedSet(spec, weights, exponents, (), latent_exponents)
    return SharedPart(coder, decoder, latents(predictor), ledger, version)


def encode_shape(shared: SharedPart, codes: Codes, states: States | None = None) -> Part:
    """The part of one shape. Codes that the shared part does not cover (a shape added later) are moved to the nearest.

    Args:
        shared: the set's shared part.
        codes: int32 latent codes of shape `latent_shape`, as in a `TrainedSet`.
        states: int8 (G, G, G) block states, block-sparse only.
    """
    stream = entropy.encoder(shared.coder)
    if states is not None:
        encode_states(stream, states)
    mask_bits = stream.ideal_bits
    shared.latents.encode(stream, codes, states)
    data = stream.getvalue()
    mask = min(len(data), round(mask_bits / 8))
    return Part(with_crc32(data), {"mask": mask, "latents": len(data) - mask, "header": CHECKSUM_BYTES})


def decode_shape(shared: SharedPart, data: bytes, max_memory: int | None = None) -> TrainedSet:
    """The decoder with the one shape of ``data``, which is the part of a shape.

    What the network will take for it is checked here (``max_memory`` as in `decode_shared`).

    Raises:
        CorruptArchive: cut short or altered, or asking for more memory than its length allows.
    """
    decoder, spec = shared.decoder, shared.decoder.spec
    stream = entropy.decoder(shared.coder, checked_crc32(data, "part of a shape"))
    states = decode_states(stream, spec.latent_grid) if spec.variant == BLOCK_SPARSE else None
    occupied = 0 if states is None else int((states == OCCUPIED).sum())
    check_memory(decoding_bytes(spec, occupied), shared.nbytes + len(data), "part of a shape", max_memory)
    codes = shared.latents.decode(stream, states)
    blocks = () if states is None else (states,)
    return TrainedSet(spec, decoder.weights, decoder.weight_exponents, (codes,), decoder.latent_exponents, blocks)


def stored_shapes(spec: DecoderSpec) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor that the weight stream holds, in its order."""
    shapes = parameter_shapes(spec)
    return {**shapes, PREDICTOR: Predictor.shape(spec.latent_channels)} if spec.variant == BLOCK_SPARSE else shapes


def _write_spec(out: FieldWriter, version: int, coder: str, spec: DecoderSpec) -> None:
    out.unsigned(version)
    out.unsigned(CODERS.index(coder))
    out.unsigned(VARIANTS.index(spec.variant))
    out.unsigned(len(numbers := spec.numbers()))
    for number in numbers:
        out.unsigned(number)


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
