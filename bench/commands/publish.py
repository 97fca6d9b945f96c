"""What finished run folders get: a summary and a report each, one report together, or a site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.results.store import RunFolder

if TYPE_CHECKING:
    from bench.results.meshes import MeshSource


@dataclass(frozen=True)
class MeshPlaces:
    """Where the meshes of 3D views are looked for.

    Args:
        cache, data_root: those of ``bench run``.
        codecs: ``module:Class`` of codecs under development that may be imported.
    """

    cache: Path | None = None
    data_root: Path | None = None
    codecs: Sequence[str] = ()

    def of(self, path: Path) -> MeshSource:
        """The meshes of a run folder."""
        from bench.cache import default_cache
        from bench.execution.stored_meshes import StoredMeshes

        return StoredMeshes(RunFolder(path), self.cache or default_cache(), self.data_root, tuple(self.codecs))


def publish(run: RunFolder, *, places: MeshPlaces | None = None, **options: Any) -> list[Path]:
    """Write summary and report of ``run``; returns the report's paths.

    Args:
        options: as `reports.report.write_report` takes them.

    Raises:
        bench.results.store.StoreError: no run folder, or a damaged one.
        bench.codec.UserError: a figure format that cannot be written.
    """
    from bench.results.summary import write_summary
    from reports.report import write_report

    paths = write_report(run.path, meshes=(places or MeshPlaces()).of(run.path), **options)
    write_summary(run)
    return paths


def publish_together(folders: Sequence[Path], out: Path, places: MeshPlaces, **options: Any) -> list[Path]:
    """Write one report of several runs of the same shapes into ``out``; returns its paths.

    Raises:
        reports.several.NotComparable: other shapes or another metric protocol.
    """
    from reports.report import check_formats, report_of
    from reports.run_data import RunData
    from reports.several import MeshesBeside, beside

    check_formats(options["formats"])
    together = beside([RunData.load(path) for path in folders])
    meshes = MeshesBeside([places.of(path) for path in folders], together.origin)
    return report_of(together.data, out, meshes=meshes, **options)


def publish_site(
    folders: Sequence[Path], out: Path, places: MeshPlaces, formats: Sequence[str], views: str = "every"
) -> list[Path]:
    """Write a static site of runs into ``out``; returns the paths of its pages."""
    from reports.report import check_formats
    from reports.run_data import RunData
    from reports.site import write_site

    check_formats(formats)
    return write_site([RunData.load(path) for path in folders], out, places.of, formats, views)
