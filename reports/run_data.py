"""One run as a report sees it: the manifest and the rows, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.results.store import Row, RunFolder
from bench.results.summary import over_seeds, shape_frame, summarise
from reports.document.style import base_name, in_order

CONTROLS = ("identity",)
"""Codecs that show what the metrics read on a perfect reconstruction; never ranked."""


def is_control(codec: str) -> bool:
    """Whether a codec is one of `CONTROLS`."""
    return base_name(codec) in CONTROLS


@dataclass(frozen=True)
class RunData:
    """A run folder in memory.

    Args:
        path: the folder.
        manifest: its ``manifest.json``; any key may be missing but what a reader asks for with ``get``.
        rows: the rows of finished jobs.
        summary: one line per (dataset, codec, rate, seed), see `bench.results.summary`.
        points: the same, averaged over seeds: the points of the rate-distortion curves.
        shapes: one line per (dataset, codec, rate, seed, shape).
    """

    path: Path
    manifest: Row
    rows: list[Row]
    summary: pd.DataFrame
    points: pd.DataFrame
    shapes: pd.DataFrame

    @classmethod
    def load(cls, path: Path) -> RunData:
        """Read a run folder. Raises `bench.results.store.StoreError` where it is none."""
        run = RunFolder(path)
        manifest, rows = run.read_manifest(), run.rows()
        summary = summarise(rows)
        return cls(path, manifest, rows, summary, over_seeds(summary), shape_frame(rows))

    @property
    def set_rows(self) -> list[Row]:
        """The set rows: sizes, ledgers, timings."""
        return [row for row in self.rows if row["kind"] == "set"]

    @property
    def datasets(self) -> list[str]:
        """Data sets with results, in the order of the summary."""
        return list(dict.fromkeys(self.points["dataset"]))

    @property
    def codecs(self) -> list[str]:
        """Codecs with results, in the order of every legend and table."""
        return in_order(self.points["codec"])

    def described(self, codec: str) -> dict[str, Any]:
        """What the manifest says about a codec."""
        described: dict[str, Any] = self.manifest.get("codecs", {}).get(codec, {})
        return described

    def title(self, codec: str) -> str:
        """A codec's name in tables and legends; a variant carries its settings: ``NeCGS (resolution=64)``."""
        title = str(self.described(codec).get("title") or base_name(codec))
        settings = [piece for piece in codec.split(":") if "=" in piece]
        return f"{title} ({', '.join(settings)})" if settings else title
