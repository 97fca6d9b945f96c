"""What a finished run folder gets: its summary and its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.results.store import RunFolder


def publish(
    run: RunFolder,
    *,
    cache: Path | None = None,
    data_root: Path | None = None,
    codecs: Sequence[str] = (),
    **options: Any,
) -> list[Path]:
    """Write summary and report of ``run``; returns the report's paths.

    Args:
        cache, data_root: where the meshes of 3D views are looked for.
        codecs: ``module:Class`` of codecs under development that may be imported for the views.
        options: as `reports.report.write_report` takes them.

    Raises:
        bench.results.store.StoreError: no run folder, or a damaged one.
        bench.codec.UserError: a figure format that cannot be written.
    """
    from bench.cache import default_cache
    from bench.execution.stored_meshes import StoredMeshes
    from bench.results.summary import write_summary
    from reports.report import write_report

    meshes = StoredMeshes(run, cache or default_cache(), data_root, tuple(codecs))
    paths = write_report(run.path, meshes=meshes, **options)
    write_summary(run)
    return paths
