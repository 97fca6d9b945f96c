"""Weights of a block-sparse decoder under the range coder: small groups, each under a distribution of its own width.

Training prices weights (`necgs.training.weight_rate`), so their sizes follow what they are for: those of a strong
latent are large; those of a weak one, or of a block that is a neighbour by a corner alone, are few or none. A group is
coded under a Laplace or Gauss distribution about zero (`necgs.coding.frequency_table`), or not at all where it holds
zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding.entropy import Decoder, Encoder
from necgs.coding.frequency_table import (
    CONSTANT,
    GAUSS,
    LAPLACE,
    SCALES,
    FrequencyTable,
    fit_about_zero,
    read_levels,
    write_levels,
)
from necgs.decoder.weight_groups import weight_groups

Codes = NDArray[np.int32]
Shapes = Mapping[str, tuple[int, ...]]

MAX_REACH = 4095
"""Of a weight, in steps; those of trained decoders are some hundreds, of predictions of fine latents some thousands."""

ZEROS = FrequencyTable(CONSTANT, 0)


@dataclass(frozen=True)
class Width:
    """The distribution of a group.

    Args:
        kind: ``LAPLACE`` or ``GAUSS``.
        scale: as in `FrequencyTable`.
    """

    kind: int
    scale: int


@dataclass(frozen=True)
class TensorModel:
    """The distributions of a tensor's groups.

    Args:
        reach: the largest magnitude of its weights, in steps.
        widths: of each group; None where it holds zeros.
    """

    reach: int
    widths: tuple[Width | None, ...]

    @classmethod
    def fit(cls, name: str, codes: Codes) -> TensorModel:
        """The distributions under which a tensor takes the fewest bits.

        Raises:
            ValueError: a weight is too large for a table.
        """
        reach = int(np.abs(codes).max(initial=0))
        if reach > MAX_REACH:
            raise ValueError(f"{name} reaches {reach} steps; at most {MAX_REACH} are allowed: use a larger step")
        parts = [codes.ravel()[places] for places in _groups(name, codes.shape)]
        tables = [fit_about_zero(part, reach) if part.any() else ZEROS for part in parts]
        return cls(reach, tuple(None if table is ZEROS else Width(table.kind, table.scale) for table in tables))

    def tables(self) -> Iterator[FrequencyTable]:
        """Of each group; made as they are wanted, for they are large where the reach is."""
        for width in self.widths:
            size = 2 * self.reach + 1
            yield ZEROS if width is None else FrequencyTable(width.kind, -self.reach, size, self.reach, width.scale)


@dataclass(frozen=True)
class WeightModel:
    """The distributions of all tensors, by name and in the order of the file."""

    tensors: Mapping[str, TensorModel]

    @classmethod
    def fit(cls, tensors: Mapping[str, Codes]) -> WeightModel:
        """As `TensorModel.fit`."""
        return cls({name: TensorModel.fit(name, codes) for name, codes in tensors.items()})

    def write(self, out: FieldWriter) -> None:
        """Append a varint a tensor, its reach; the groups' widths as levels, 0 for zeros; a bit for each that has one.

        The bit is set for Gauss; they fill whole bytes.
        """
        for tensor in self.tensors.values():
            out.unsigned(tensor.reach)
        every = [width for tensor in self.tensors.values() for width in tensor.widths]
        write_levels(out, tuple(0 if width is None else 1 + width.scale for width in every))
        gauss = np.array([width.kind == GAUSS for width in every if width is not None], dtype=bool)
        out.raw(np.packbits(gauss).tobytes())

    @classmethod
    def read(cls, fields: FieldReader, shapes: Shapes) -> WeightModel:
        """Read the fields of tensors of these shapes back; raises `CorruptArchive`."""
        reaches = [fields.unsigned("reach of weights", MAX_REACH) for _ in shapes]
        counts = [int(weight_groups(name, shape).max()) + 1 for name, shape in shapes.items()]
        levels = iter(read_levels(fields, sum(counts), SCALES))
        each = [[next(levels) for _ in range(count)] for count in counts]
        used = sum(level > 0 for own in each for level in own)
        bits = iter(np.unpackbits(np.frombuffer(fields.raw(-(-used // 8), "kinds of weights"), np.uint8)).tolist())
        tensors = {}
        for name, reach, own in zip(shapes, reaches, each, strict=True):
            if not reach and any(own):
                raise fields.fault("zeros have a width")
            kinds = [LAPLACE + (GAUSS - LAPLACE) * next(bits) if level else 0 for level in own]
            widths = (Width(kind, level - 1) if level else None for kind, level in zip(kinds, own, strict=True))
            tensors[name] = TensorModel(reach, tuple(widths))
        return cls(tensors)

    def encode(self, stream: Encoder, tensors: Mapping[str, Codes]) -> None:
        """Append tensors, group after group, each in C order."""
        for name, codes in tensors.items():
            for places, table in zip(_groups(name, codes.shape), self.tensors[name].tables(), strict=True):
                stream.numbers(codes.ravel()[places], table)

    def decode(self, stream: Decoder, shapes: Shapes) -> dict[str, Codes]:
        """Read tensors of these shapes back; raises `CorruptArchive`."""
        return {name: self._tensor(stream, name, shape) for name, shape in shapes.items()}

    def _tensor(self, stream: Decoder, name: str, shape: tuple[int, ...]) -> Codes:
        codes = np.zeros(shape, dtype=np.int32)
        for places, table in zip(_groups(name, shape), self.tensors[name].tables(), strict=True):
            codes.reshape(-1)[places] = stream.numbers(len(places), table)
        return codes


def _groups(name: str, shape: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """The places of each group of a tensor, in C order."""
    groups = weight_groups(name, shape).ravel()
    return np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
