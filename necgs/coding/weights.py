"""Coding of a set's weights: the two ways that a shared part may have them coded.

Block-sparse decoders under the range coder have a `necgs.coding.weight_model.WeightModel`; all others, and files of
format version 1, one table a tensor or a table for several.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding.entropy import RANGE, Decoder, Encoder
from necgs.coding.table_family import Tables, fit_tables, read_tables, write_tables
from necgs.coding.weight_model import Codes, Shapes, WeightModel
from necgs.decoder.spec import BLOCK_SPARSE, DecoderSpec

TABLES, MODEL = 1, 2
"""Format versions of a shared part, by how its weights are coded."""


class WeightCoder(Protocol):
    """What a shared part needs to know to code weights."""

    def write(self, out: FieldWriter) -> None:
        """Append its fields."""

    def encode(self, stream: Encoder, tensors: Mapping[str, Codes]) -> None:
        """Append all tensors."""

    def decode(self, stream: Decoder, shapes: Shapes) -> dict[str, Codes]:
        """Read tensors of these shapes back; raises `CorruptArchive`."""


@dataclass(frozen=True)
class TableWeights:
    """Tensors as they are, each in C order.

    Args:
        tables: of each tensor.
    """

    tables: Tables

    def write(self, out: FieldWriter) -> None:
        """See `WeightCoder`."""
        write_tables(out, self.tables)

    def encode(self, stream: Encoder, tensors: Mapping[str, Codes]) -> None:
        """See `WeightCoder`."""
        for index, codes in enumerate(tensors.values()):
            stream.numbers(codes, self.tables[index])

    def decode(self, stream: Decoder, shapes: Shapes) -> dict[str, Codes]:
        """See `WeightCoder`."""
        return {
            name: stream.numbers(math.prod(shape), self.tables[index]).reshape(shape)
            for index, (name, shape) in enumerate(shapes.items())
        }


def version_of(coder: str, spec: DecoderSpec) -> int:
    """The format version in which a decoder's weights are written."""
    return MODEL if coder == RANGE and spec.variant == BLOCK_SPARSE else TABLES


def fit_weights(version: int, coder: str, tensors: Mapping[str, Codes]) -> WeightCoder:
    """The coder of these tensors. Raises ``ValueError`` where codes are too many or too large for a table."""
    return WeightModel.fit(tensors) if version == MODEL else TableWeights(fit_tables(coder, list(tensors.values())))


def read_weights(version: int, coder: str, fields: FieldReader, shapes: Shapes) -> WeightCoder:
    """Read what `WeightCoder.write` wrote of tensors of these shapes; raises `CorruptArchive`."""
    if version == MODEL:
        return WeightModel.read(fields, shapes)
    tables = read_tables(fields, coder, len(shapes))
    if not tables.tables:
        raise fields.fault("the weights have no tables")
    return TableWeights(tables)
