"""The parts of a coded set as bytes: one that all shapes share and one per shape, each with a checksum.

Shared part, field by field (types as in `necgs.fields`):

=====================  =========================================================================================
field                  what
=====================  =========================================================================================
format version         varint, `VERSION`
entropy coder          varint, index into ``huffman``, ``range``
decoder variant        varint, index into `necgs.decoder_spec.VARIANTS`
decoder numbers        varint count, then that many varints (`DecoderSpec.numbers`: K first)
weight steps           varint n (1: one for all tensors; else one per tensor), then n signed bytes
latent steps           the same, per latent channel
weight tables          varint n; for n > 1 one varint per tensor (which table); then n tables
latent tables          the same, per latent channel; n = 0 where no shape has a latent
weights                one entropy-coded stream: all tensors in the order of `parameter_shapes`, each in C order
checksum               CRC-32 of all that, 4 bytes, little endian
=====================  =========================================================================================

Part of a shape: one entropy-coded stream (block states where the decoder is block-sparse, see `necgs.occupancy`; then
the latent codes, channel by channel) and its CRC-32. It needs the shared part and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec import Archive, CorruptArchive, Part
from necgs import entropy
from necgs.decoder_spec import BLOCK_SPARSE, VARIANTS, DecoderSpec, latent_shape, parameter_shapes
from necgs.entropy import CODERS, Table
from necgs.fields import CHECKSUM_BYTES, FieldReader, FieldWriter, opened, sealed
from necgs.occupancy import decode_states, encode_states
from necgs.trained_set import OCCUPIED, TrainedSet

VERSION = 1
MAX_NUMBER = 1 << 16
MAX_NUMBERS = 64

Codes = NDArray[np.int32]
States = NDArray[np.int8]


@dataclass(frozen=True)
class Tables:
    """Entropy tables of a family of arrays: weight tensors, or latent channels.

    Args:
        tables: the different ones.
        which: for each array the index of its table; empty where ``tables`` is.
    """

    tables: tuple[Table, ...]
    which: tuple[int, ...]

    def __getitem__(self, index: int) -> Table:
        return self.tables[self.which[index]]


@dataclass(frozen=True)
class SharedPart:
    """What all shapes of a set share.

    Args:
        coder: ``huffman`` or ``range``.
        decoder: the decoder with its weights, and no shapes.
        latent_tables: entropy tables of the latent channels.
        ledger: bytes of header, tables and weights.
    """

    coder: str
    decoder: TrainedSet
    latent_tables: Tables
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
    weight_tables = _fit_tables(coder, weights)
    latents = (
        np.concatenate(trained.latents) if trained.latents else np.zeros((0, trained.spec.latent_channels), np.int32)
    )
    latent_tables = _fit_tables(coder, list(latents.T), open_ended=True) if latents.size else Tables((), ())
    header, tables = FieldWriter(), FieldWriter()
    header.unsigned(VERSION)
    header.unsigned(CODERS.index(coder))
    header.unsigned(VARIANTS.index(trained.spec.variant))
    header.unsigned(len(numbers := trained.spec.numbers()))
    for number in numbers:
        header.unsigned(number)
    _write_steps(header, [trained.weight_exponents[name] for name in parameter_shapes(trained.spec)])
    _write_steps(header, trained.latent_exponents)
    _write_tables(tables, weight_tables)
    _write_tables(tables, latent_tables)
    stream = entropy.encoder(coder)
    for index, codes in enumerate(weights):
        stream.numbers(codes, weight_tables[index])
    data = sealed(header.getvalue() + tables.getvalue() + (body := stream.getvalue()))
    ledger = {"header": len(header) + CHECKSUM_BYTES, "tables": len(tables), "weights": len(body)}
    decoder = TrainedSet(trained.spec, trained.weights, trained.weight_exponents, (), trained.latent_exponents)
    return SharedPart(coder, decoder, latent_tables, ledger), Part(data, ledger)


def decode_shared(data: bytes) -> SharedPart:
    """Read a shared part.

    Raises:
        CorruptArchive: cut short, altered, of another version, or asking for what cannot be.
    """
    fields = FieldReader(opened(data, "shared part"), "shared part")
    if (version := fields.unsigned("format version", MAX_NUMBER)) != VERSION:
        raise fields.fault(f"it has format version {version}; this program reads version {VERSION}")
    coder = CODERS[fields.unsigned("entropy coder", len(CODERS) - 1)]
    spec = _read_spec(fields)
    shapes = parameter_shapes(spec)
    exponents = _read_steps(fields, len(shapes), "weight steps")
    latent_exponents = _read_steps(fields, spec.latent_channels, "latent steps")
    header = fields.position
    tables = _read_tables(fields, coder, len(shapes))
    latent_tables = _read_tables(fields, coder, spec.latent_channels)
    if not tables.tables:
        raise fields.fault("the weights have no tables")
    ledger = {"header": header + CHECKSUM_BYTES, "tables": fields.position - header, "weights": fields.left}
    stream = entropy.decoder(coder, fields.rest())
    weights = {
        name: stream.numbers(math.prod(shape), tables[index]).reshape(shape)
        for index, (name, shape) in enumerate(shapes.items())
    }
    decoder = TrainedSet(spec, weights, dict(zip(shapes, exponents, strict=True)), (), latent_exponents)
    return SharedPart(coder, decoder, latent_tables, ledger)


def encode_shape(shared: SharedPart, codes: Codes, states: States | None = None) -> Part:
    """The part of one shape. Codes beyond the shared tables (a shape added later) are moved to the nearest one inside.

    Args:
        shared: the set's shared part.
        codes: int32 latent codes of shape `latent_shape`.
        states: int8 (G, G, G) block states, block-sparse only.
    """
    stream, mask_alone = entropy.encoder(shared.coder), entropy.encoder(shared.coder)
    if states is not None:
        encode_states(stream, states)
        encode_states(mask_alone, states)
    for channel in range(codes.shape[1] if len(codes) else 0):
        stream.numbers(representable(shared, codes)[:, channel], shared.latent_tables[channel])
    data = stream.getvalue()
    mask = min(len(data), len(mask_alone.getvalue()))
    return Part(sealed(data), {"mask": mask, "latents": len(data) - mask, "header": CHECKSUM_BYTES})


def representable(shared: SharedPart, codes: Codes) -> Codes:
    """``codes`` (rows, channels) clipped to what the shared tables cover."""
    tables = [shared.latent_tables[channel] for channel in range(codes.shape[1])]
    low = np.array([table.low for table in tables], dtype=np.int32)
    high = np.array([table.low + table.size - 1 for table in tables], dtype=np.int32)
    return codes.clip(low, high)


def decode_shape(shared: SharedPart, data: bytes) -> TrainedSet:
    """The decoder with the one shape of ``data``, which is the part of a shape.

    Raises:
        CorruptArchive: cut short or altered.
    """
    spec = shared.decoder.spec
    stream = entropy.decoder(shared.coder, opened(data, "part of a shape"))
    blocks: tuple[States, ...] = ()
    if spec.variant == BLOCK_SPARSE:
        blocks = (decode_states(stream, spec.latent_grid),)
    rows, channels = latent_shape(spec, int((blocks[0] == OCCUPIED).sum()) if blocks else 0)
    codes = np.zeros((rows, channels), dtype=np.int32)
    if rows and not shared.latent_tables.tables:
        raise CorruptArchive("part of a shape: it has latents, but the shared part has no tables for them")
    for channel in range(channels if rows else 0):
        codes[:, channel] = stream.numbers(rows, shared.latent_tables[channel])
    decoder = shared.decoder
    return TrainedSet(spec, decoder.weights, decoder.weight_exponents, (codes,), decoder.latent_exponents, blocks)


def _fit_tables(coder: str, arrays: Sequence[Codes], *, open_ended: bool = False) -> Tables:
    """The cheapest of: one table for all arrays; one for the long, one for the short ones; one for each."""
    each = tuple(range(len(arrays)))
    typical = np.median([array.size for array in arrays])
    short = tuple(int(array.size < typical) for array in arrays)
    best: tuple[float, Tables] | None = None
    for which in {(0,) * len(arrays), short, each}:
        used = sorted(set(which))
        which = tuple(used.index(table) for table in which)
        groups = [_joined(arrays, which, table) for table in range(len(used))]
        tables = Tables(tuple(entropy.fit(coder, g, margin=_margin(g) if open_ended else 0) for g in groups), which)
        out = FieldWriter()
        _write_tables(out, tables)
        cost = 8 * len(out) + sum(_bits(g, table) for g, table in zip(groups, tables.tables, strict=True))
        if best is None or (cost, which) < (best[0], best[1].which):
            best = (cost, tables)
    assert best is not None
    return best[1]


def _joined(arrays: Sequence[Codes], which: Sequence[int], table: int) -> Codes:
    return np.concatenate([array.ravel() for array, own in zip(arrays, which, strict=True) if own == table])


def _margin(values: Codes) -> int:
    """Room for the latents of shapes that are added later: half the present span."""
    return max(1, (int(values.max()) - int(values.min())) // 2)


def _bits(values: Codes, table: Table) -> float:
    return table.bits(np.bincount(values.astype(np.int64) - table.low, minlength=table.size))


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


def _write_tables(out: FieldWriter, tables: Tables) -> None:
    out.unsigned(len(tables.tables))
    if len(tables.tables) > 1:
        for which in tables.which:
            out.unsigned(which)
    for table in tables.tables:
        table.write(out)


def _read_tables(fields: FieldReader, coder: str, count: int) -> Tables:
    stored = fields.unsigned("number of tables", count)
    which = (0,) * count
    if stored > 1:
        which = tuple(fields.unsigned("table index", stored - 1) for _ in range(count))
    return Tables(tuple(entropy.read_table(coder, fields) for _ in range(stored)), which if stored else ())


def _read_spec(fields: FieldReader) -> DecoderSpec:
    variant = VARIANTS[fields.unsigned("decoder variant", len(VARIANTS) - 1)]
    count = fields.unsigned("number of decoder numbers", MAX_NUMBERS)
    numbers = tuple(fields.unsigned("decoder number", MAX_NUMBER) for _ in range(count))
    try:
        return DecoderSpec.of(variant, numbers)
    except ValueError as error:
        raise fields.fault(str(error)) from None
