"""Weights of a block-sparse decoder under the range coder: small groups, each under a distribution of its own width.

Training prices weights (`necgs.training.weight_rate`), so their sizes follow what they are for: those of a strong
latent are large; those of a weak one, or of a block that is a neighbour by a corner alone, are few or none. A group is
coded under a Laplace or Gauss distribution about zero (`necgs.coding.frequency_table`), or not at all where it holds
zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding.entropy import Decoder, Encoder
from necgs.coding.frequency_table import (
    CONSTANT,
    GAUSS,
    LAPLACE,
    MAX_ALPHABET,
    SCALES,
    FrequencyTable,
    fit_about_zero,
    read_levels,
    write_levels,
)
from necgs.decoder.weight_groups import weight_groups

Codes = NDArray[np.int32]
Shapes = Mapping[str, tuple[int, ...]]
Groups = tuple[FrequencyTable, ...]

ZEROS = FrequencyTable(CONSTANT, 0)


@dataclass(frozen=True)
class WeightModel:
    """Distributions of the groups of all tensors.

    Args:
        groups: name of the tensor -> of each group of it ``ZEROS`` or a decay about zero; these reach as far as the
            largest weight of the tensor.
    """

    groups: Mapping[str, Groups]

    @classmethod
    def fit(cls, tensors: Mapping[str, Codes]) -> WeightModel:
        """The distributions under which tensors take the fewest bits.

        Raises:
            ValueError: a weight is too large for a table.
        """
        return cls({name: _fit_groups(name, codes) for name, codes in tensors.items()})

    def write(self, out: FieldWriter) -> None:
        """Append a varint a tensor, its reach; the groups' widths as levels, 0 for zeros; a bit for each that has one.

        The bit is set for Gauss; they fill whole bytes.
        """
        for tables in self.groups.values():
            out.unsigned(max(-table.low for table in tables))
        every = [table for tables in self.groups.values() for table in tables]
        write_levels(out, tuple(0 if table.kind == CONSTANT else 1 + table.scale for table in every))
        kinds = np.array([table.kind for table in every if table.kind != CONSTANT])
        out.raw(np.packbits(kinds == GAUSS).tobytes())

    @classmethod
    def read(cls, fields: FieldReader, shapes: Shapes) -> WeightModel:
        """Read the fields of tensors of these shapes back; raises `CorruptArchive`."""
        reaches = [fields.unsigned("reach of weights", (MAX_ALPHABET - 1) // 2) for _ in shapes]
        counts = [int(weight_groups(name, shape).max()) + 1 for name, shape in shapes.items()]
        levels = read_levels(fields, sum(counts), SCALES)
        used = sum(level > 0 for level in levels)
        bits = np.unpackbits(np.frombuffer(fields.raw(-(-used // 8), "kinds of weights"), np.uint8))[:used]
        kinds = iter(np.where(bits == 1, GAUSS, LAPLACE).tolist())
        widths = iter(levels)

        def table(reach: int) -> FrequencyTable:
            level = next(widths)
            if level and not reach:
                raise fields.fault("zeros have a width")
            return FrequencyTable(next(kinds), -reach, 2 * reach + 1, reach, level - 1) if level else ZEROS

        pairs = zip(shapes, reaches, counts, strict=True)
        return cls({name: tuple(table(reach) for _ in range(count)) for name, reach, count in pairs})

    def encode(self, stream: Encoder, tensors: Mapping[str, Codes]) -> None:
        """Append tensors, group after group, each in C order."""
        for name, codes in tensors.items():
            of = weight_groups(name, codes.shape)
            for group, table in enumerate(self.groups[name]):
                stream.numbers(codes[of == group], table)

    def decode(self, stream: Decoder, shapes: Shapes) -> dict[str, Codes]:
        """Read tensors of these shapes back; raises `CorruptArchive`."""
        return {name: self._tensor(stream, name, shape) for name, shape in shapes.items()}

    def _tensor(self, stream: Decoder, name: str, shape: tuple[int, ...]) -> Codes:
        codes, of = np.zeros(shape, dtype=np.int32), weight_groups(name, shape)
        for group, table in enumerate(self.groups[name]):
            places = of == group
            codes[places] = stream.numbers(int(np.count_nonzero(places)), table)
        return codes


def _fit_groups(name: str, codes: Codes) -> Groups:
    of, reach = weight_groups(name, codes.shape), int(np.abs(codes).max(initial=0))
    parts = [codes[of == group] for group in range(int(of.max()) + 1)]
    return tuple(fit_about_zero(part, reach) if part.any() else ZEROS for part in parts)
