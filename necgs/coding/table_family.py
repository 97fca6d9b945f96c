"""Entropy tables of a family of arrays, shared between arrays where that is cheaper than a table for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding import entropy
from necgs.coding.entropy import Table

Codes = NDArray[np.int32]


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


def table_range(tables: Tables, count: int) -> tuple[Codes, Codes]:
    """The smallest and the largest codes, int32 (count,) each, that the tables of arrays 0..count - 1 cover.

    Raises:
        ValueError: there are no tables, because no shape of the set had a latent.
    """
    if not tables.tables:
        raise ValueError(
            "no shape of this set has a surface, so it has no tables for latents: code the shapes together"
        )
    each = [tables[index] for index in range(count)]
    low = np.array([table.low for table in each], dtype=np.int32)
    return low, np.array([table.low + table.size - 1 for table in each], dtype=np.int32)


def fit_tables(coder: str, arrays: Sequence[Codes], *, open_ended: bool = False) -> Tables:
    """The cheapest of: one table for each array; one for the long, one for the short ones; one for all.

    Raises:
        ValueError: an array alone has more different codes than a table can hold.
    """
    each = tuple(range(len(arrays)))
    typical = np.median([array.size for array in arrays])
    short = tuple(int(array.size < typical) for array in arrays)
    best = _fitted(coder, arrays, each, open_ended)
    for which in {(0,) * len(arrays), short}:
        try:
            found = _fitted(coder, arrays, which, open_ended)
        except ValueError:  # arrays that lie too far apart for one table
            continue
        if (found[0], found[1].which) < (best[0], best[1].which):
            best = found
    return best[1]


def _fitted(coder: str, arrays: Sequence[Codes], which: tuple[int, ...], open_ended: bool) -> tuple[float, Tables]:
    """The tables of groups of arrays, and the bits that they and the arrays take."""
    used = sorted(set(which))
    which = tuple(used.index(table) for table in which)
    groups = [_joined(arrays, which, table) for table in range(len(used))]
    tables = Tables(tuple(entropy.fit(coder, g, margin=_margin(g) if open_ended else 0) for g in groups), which)
    out = FieldWriter()
    write_tables(out, tables)
    return 8 * len(out) + sum(_bits(g, table) for g, table in zip(groups, tables.tables, strict=True)), tables


def _joined(arrays: Sequence[Codes], which: Sequence[int], table: int) -> Codes:
    return np.concatenate([array.ravel() for array, own in zip(arrays, which, strict=True) if own == table])


def _margin(values: Codes) -> int:
    """Room for the latents of shapes that are added later: half the present span."""
    return max(1, (int(values.max()) - int(values.min())) // 2)


def _bits(values: Codes, table: Table) -> float:
    return table.bits(np.bincount(values.astype(np.int64) - table.low, minlength=table.size))


def write_tables(out: FieldWriter, tables: Tables) -> None:
    """Append: how many tables; where more than one, which serves each array; the tables."""
    out.unsigned(len(tables.tables))
    if len(tables.tables) > 1:
        for which in tables.which:
            out.unsigned(which)
    for table in tables.tables:
        table.write(out)


def read_tables(fields: FieldReader, coder: str, count: int) -> Tables:
    """Read the tables of ``count`` arrays back; raises ``CorruptArchive``."""
    stored = fields.unsigned("number of tables", count)
    which = (0,) * count
    if stored > 1:
        which = tuple(fields.unsigned("table index", stored - 1) for _ in range(count))
    return Tables(tuple(entropy.read_table(coder, fields) for _ in range(stored)), which if stored else ())
