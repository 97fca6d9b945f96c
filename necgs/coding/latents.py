"""Coding of a shape's latent codes: the three ways that a set may have its latents coded.

================  =============  ======================================================================================
decoder           entropy coder  latents are coded as
================  =============  ======================================================================================
dense             either         `TableLatents`: codes, one table a channel
block-sparse      ``huffman``    `ResidualLatents`: rounded residuals of a linear prediction, one table a channel
block-sparse      ``range``      `necgs.coding.latent_model.LatentModel`: codes under Gaussians about their prediction
================  =============  ======================================================================================

Each takes and gives back the codes themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bench.codec import CorruptArchive
from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding.entropy import RANGE, Decoder, Encoder
from necgs.coding.latent_model import LatentModel, read_scales
from necgs.coding.prediction import Codes, Predictor, States, bounded_residuals, reconstruct, residuals
from necgs.coding.table_family import Tables, fit_tables, read_tables, table_range, write_tables
from necgs.decoder.blocks import BlockSet
from necgs.decoder.spec import BLOCK_SPARSE, DecoderSpec, latent_shape
from necgs.decoder.trained_set import OCCUPIED, TrainedSet


class LatentCoder(Protocol):
    """What the parts of a set need to know to code latents."""

    def write(self, out: FieldWriter) -> None:
        """Append its fields of the shared part, without the predictor, which is stored as the last weight tensor."""

    def encode(self, stream: Encoder, codes: Codes, states: States | None) -> Codes:
        """Append the codes (n, C) of one shape with block states (G, G, G), None for a dense decoder.

        Returns:
            The codes that a decoder will see: one that the model does not cover (of a shape added later) is replaced
            by the nearest that it does.
        """

    def decode(self, stream: Decoder, states: States | None) -> Codes:
        """Read the codes (n, C) of one shape back; raises `CorruptArchive`."""


@dataclass(frozen=True)
class TableLatents:
    """Codes as they are, channel by channel.

    Args:
        tables: of each channel; none where no shape has a latent.
        rows: latent vectors of a shape.
        channels: C.
    """

    tables: Tables
    rows: int
    channels: int

    def write(self, out: FieldWriter) -> None:
        """See `LatentCoder`."""
        write_tables(out, self.tables)

    def encode(self, stream: Encoder, codes: Codes, states: States | None) -> Codes:
        """See `LatentCoder`."""
        covered = codes.clip(*table_range(self.tables, self.channels)) if codes.size else codes
        _encode_columns(stream, covered, self.tables)
        return covered

    def decode(self, stream: Decoder, states: States | None) -> Codes:
        """See `LatentCoder`."""
        return _decode_columns(stream, (self.rows, self.channels), self.tables)


@dataclass(frozen=True)
class ResidualLatents:
    """Residuals of a prediction, channel by channel.

    Args:
        predictor: makes the prediction.
        tables: of each channel's residuals; none where no shape has a latent.
    """

    predictor: Predictor
    tables: Tables

    def write(self, out: FieldWriter) -> None:
        """See `LatentCoder`."""
        write_tables(out, self.tables)

    def encode(self, stream: Encoder, codes: Codes, states: States | None) -> Codes:
        """See `LatentCoder`."""
        assert states is not None
        if not codes.size:
            return codes
        bounds = table_range(self.tables, codes.shape[1])
        left, decoded = bounded_residuals(codes, BlockSet.of(states[None]), self.predictor, *bounds)
        _encode_columns(stream, left, self.tables)
        return decoded

    def decode(self, stream: Decoder, states: States | None) -> Codes:
        """See `LatentCoder`."""
        assert states is not None
        shape = int((states == OCCUPIED).sum()), len(self.predictor.weights)
        return reconstruct(_decode_columns(stream, shape, self.tables), BlockSet.of(states[None]), self.predictor)


def fit_latents(trained: TrainedSet, coder: str, predictor: Predictor | None) -> LatentCoder:
    """The coder of a set's latents.

    Args:
        trained: the set.
        coder: ``huffman`` or ``range``.
        predictor: of a block-sparse decoder's codes.

    Raises:
        ValueError: codes lie too far apart, or too far from their prediction.
    """
    spec, shapes, states = trained.spec, trained.latents, trained.blocks
    if predictor is None:
        return TableLatents(_fit_columns(coder, shapes), *latent_shape(spec))
    if coder == RANGE:
        return LatentModel.fit(shapes, states, predictor)
    pairs = zip(shapes, states, strict=True)
    left = [residuals(codes, BlockSet.of(grid[None]), predictor) for codes, grid in pairs if len(codes)]
    return ResidualLatents(predictor, _fit_columns(coder, left))


def read_latents(fields: FieldReader, coder: str, spec: DecoderSpec) -> Callable[[Predictor | None], LatentCoder]:
    """Read what `LatentCoder.write` wrote; gives a function from the predictor, which is read later, to the coder.

    Raises:
        CorruptArchive: the fields are not valid.
    """
    if spec.variant == BLOCK_SPARSE and coder == RANGE:
        scales, reach = read_scales(fields, spec.latent_channels)
        return lambda predictor: LatentModel(_given(predictor), scales, reach)
    tables = read_tables(fields, coder, spec.latent_channels)
    if spec.variant == BLOCK_SPARSE:
        return lambda predictor: ResidualLatents(_given(predictor), tables)
    return lambda _: TableLatents(tables, *latent_shape(spec))


def _given(predictor: Predictor | None) -> Predictor:
    assert predictor is not None
    return predictor


def _fit_columns(coder: str, arrays: Sequence[Codes]) -> Tables:
    """Tables of the columns of arrays (n, C), with room for the latents of shapes that are added later."""
    if not sum(array.size for array in arrays):
        return Tables((), ())
    return fit_tables(coder, list(np.concatenate(arrays).T), open_ended=True)


def _encode_columns(stream: Encoder, codes: Codes, tables: Tables) -> None:
    for channel, numbers in enumerate(codes.T if codes.size else []):
        stream.numbers(numbers, tables[channel])


def _decode_columns(stream: Decoder, shape: tuple[int, int], tables: Tables) -> Codes:
    rows, channels = shape
    if not rows:
        return np.zeros((0, channels), dtype=np.int32)
    if not tables.tables:
        raise CorruptArchive("part of a shape: it has latents, but the shared part has no tables for them")
    return np.stack([stream.numbers(rows, tables[channel]) for channel in range(channels)], axis=1)
