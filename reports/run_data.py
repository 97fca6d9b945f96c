"""One run as a report sees it: the manifest and the rows, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.results.manifest import CodecEntry, Manifest
from bench.results.rows import Row, SetRow, set_rows
from bench.results.spec import CodecSpec, codec_name
from bench.results.store import RunFolder
from bench.results.summary import over_seeds, shape_frame, summarise
from reports.document.style import in_order

CONTROLS = ("identity",)
"""Codecs that show what the metrics read on a perfect reconstruction; never ranked."""


def is_control(codec: str) -> bool:
    """Whether a codec is one of `CONTROLS`."""
    return codec_name(codec) in CONTROLS


def complete(points: pd.DataFrame) -> pd.Series[bool]:
    """Which points are of all shapes: a penalty is no quality, and a mean over other shapes compares with nothing."""
    return (points["failed"] == 0) & (points["unmeasured"] == 0)


@dataclass(frozen=True)
class RunData:
    """A run folder in memory.

    Args:
        path: the folder.
        manifest: its ``manifest.json``.
        rows: the rows of finished jobs.
        summary: one line per (dataset, codec, rate, seed), see `bench.results.summary`.
        points: the same, averaged over seeds: the points of the rate-distortion curves.
        shapes: one line per (dataset, codec, rate, seed, shape).
        runs: of several runs beside one another, name and manifest of each.
    """

    path: Path
    manifest: Manifest
    rows: list[Row]
    summary: pd.DataFrame
    points: pd.DataFrame
    shapes: pd.DataFrame
    runs: tuple[tuple[str, Manifest], ...] = ()

    @classmethod
    def load(cls, path: Path) -> RunData:
        """Read a run folder. Raises `bench.results.store.StoreError` where it is none."""
        run = RunFolder(path)
        return cls.of(path, run.read_manifest(), run.rows())

    @classmethod
    def of(cls, path: Path, manifest: Manifest, rows: list[Row]) -> RunData:
        """Rows that are in memory already."""
        summary = summarise(rows)
        return cls(path, manifest, rows, summary, over_seeds(summary), shape_frame(rows))

    @property
    def set_rows(self) -> list[SetRow]:
        """The set rows: sizes, ledgers, timings."""
        return set_rows(self.rows)

    @property
    def datasets(self) -> list[str]:
        """Data sets with results, in the order of the summary."""
        return list(dict.fromkeys(self.points["dataset"]))

    @property
    def codecs(self) -> list[str]:
        """Codecs with results, in the order of every legend and table."""
        return in_order(self.points["codec"])

    def described(self, codec: str) -> CodecEntry | None:
        """What the manifest says about a codec, if anything."""
        return self.manifest["codecs"].get(codec)

    def title(self, codec: str) -> str:
        """A codec's name in tables and legends; a variant carries its settings: ``NeCGS (resolution=64)``."""
        spec, described = CodecSpec.parse(codec), self.described(codec)
        title = (described["title"] if described else "") or spec.name
        return f"{title} ({spec.settings_text})" if spec.settings_text else title
