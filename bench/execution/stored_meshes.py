"""The meshes behind a run's rows: references by content, decoded ones as kept or decoded again from the archives."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import machine, registry
from bench.codec import Archive, CodecError
from bench.codec.errors import DamagedReference
from bench.execution.supervisor import run_worker
from bench.execution.task import Task
from bench.planning.references import is_damaged, read_mesh, read_reference
from bench.results.manifest import ShapeEntry
from bench.results.meshes import MeshesUnavailable
from bench.results.rows import SetRow, ShapeRow
from bench.results.spec import codec_name
from bench.results.store import RunFolder

if TYPE_CHECKING:
    from trimesh import Trimesh

SHARE_OF_MEMORY = 0.9
"""Of the machine's, at which decoding for a view is stopped; those at work at a time share it."""

MEMORY_EACH_MB, MOST_AT_ONCE = 8 * 1024, 4
"""Memory of the machine for each archive that is decoded at a time, and the most of them."""


def archives_at_once() -> int:
    """Archives that this machine decodes at a time: at least one."""
    return max(1, min(machine.cores(), MOST_AT_ONCE, int(machine.memory_mb() // MEMORY_EACH_MB)))


@dataclass
class StoredMeshes:
    """Finds the meshes of one run.

    Args:
        run: the run folder.
        cache: the cache in which ``bench run`` keeps its normalised references.
        data_root: where data sets lie that are no longer in the cache.
        allowed: ``module:Class`` of codecs under development that the user named and that may be imported.
        at_once: archives that are decoded at a time, each in a process that may take gigabytes.
    """

    run: RunFolder
    cache: Path
    data_root: Path | None = None
    allowed: tuple[str, ...] = ()
    at_once: int = field(default_factory=archives_at_once)
    _sets: dict[str, Any] = field(default_factory=dict)

    def reference(self, dataset: str, name: str) -> Trimesh:
        """The normalised reference ``name``, the same bits that the run saw. Raises `MeshesUnavailable`."""
        from mesh_datasets.fingerprint import mesh_fingerprint

        described = self._shape(dataset, name)
        path = self.cache / "meshes" / f"{described['sha256']}.npz"
        mesh = self._load(dataset, name) if is_damaged(str(path)) else read_mesh(path)
        if mesh_fingerprint(mesh) != described["sha256"]:
            raise MeshesUnavailable(f"{name} of {dataset} is not the mesh that the run was made with")
        return mesh

    def decoded(self, set_row: SetRow, shape_rows: Mapping[int, ShapeRow]) -> dict[int, Trimesh]:
        """Decoded meshes of a job: those of ``shape_rows`` (index -> row), without the shapes that failed.

        They are read where the run kept them, else decoded in a fresh process and compared with the hash in their row.

        Raises:
            MeshesUnavailable: the archive is gone, or its codec cannot decode it here.
        """
        wanted = [index for index, row in sorted(shape_rows.items()) if row["status"] == "ok"]
        kept = self._kept(set_row, {index: shape_rows[index] for index in wanted})
        if len(kept) == len(wanted):
            return kept
        try:
            archive = Archive.read(self.run.archive(set_row["archive"]))
            archive.check_holds(wanted)
        except CodecError as error:
            raise MeshesUnavailable(str(error)) from None
        # Most codecs decode one shape from its own part; those that cannot get the whole archive.
        for chosen in (wanted, list(range(len(archive.shapes)))):
            found = self._decode(set_row, archive, chosen)
            if all(index in found and _is(found[index], shape_rows[index]) for index in wanted):
                return {index: found[index] for index in wanted}
        raise MeshesUnavailable(f"{set_row['codec']} {set_row['rate']} does not decode to the measured meshes here")

    def _kept(self, set_row: SetRow, rows: Mapping[int, ShapeRow]) -> dict[int, Trimesh]:
        """Those of the decoded meshes that the run kept and that are still what was measured."""
        folder = self.run.decoded(set_row["archive"])
        found = {}
        for index, row in rows.items():
            with contextlib.suppress(OSError, DamagedReference):
                mesh = read_reference(folder / f"{index:06d}.npz")
                if _is(mesh, row):
                    found[index] = mesh
        return found

    def _codec(self, set_row: SetRow) -> str:
        """The codec that a row names: rows are data, so only registered ones, or those in ``allowed``, are imported."""
        name = codec_name(set_row["codec"])
        if name in self.allowed or registry.is_registered(name):
            return name
        raise MeshesUnavailable(
            f"the run was made with {name!r}, which is not a registered codec", f"to import it: --codec {name}"
        )

    def _decode(self, set_row: SetRow, archive: Archive, chosen: Sequence[int]) -> dict[int, Trimesh]:
        scratch = Path(tempfile.mkdtemp(prefix="bench-decode-"))
        try:
            Archive(tuple(archive.shapes[index] for index in chosen), archive.shared).write(scratch / "archive")
            task = Task(
                phase="decode",
                codec=self._codec(set_row),
                archive=str(scratch / "archive"),
                decoded=str(scratch / "decoded"),
                scratch=str(scratch / "work"),
                result=str(scratch / "decode.json"),
            )
            outcome = run_worker(task, scratch, memory_limit_mb=SHARE_OF_MEMORY * machine.memory_mb() / self.at_once)
            if outcome.status != "ok":
                return {}
            lost = outcome.result.get("failures", {})
            return {
                index: read_mesh(scratch / "decoded" / f"{number:06d}.npz")
                for number, index in enumerate(chosen)
                if str(number) not in lost
            }
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _shape(self, dataset: str, name: str) -> ShapeEntry:
        for shape in self.run.read_manifest()["shapes"]:
            if shape["name"] == name and shape["dataset"] in ("", dataset):
                if re.fullmatch("[0-9a-f]{64}", shape["sha256"]) is None:
                    raise MeshesUnavailable(f"the manifest gives no sha256 of {name} of {dataset}")
                return shape
        raise MeshesUnavailable(f"the manifest does not describe {name} of {dataset}")

    def _load(self, dataset: str, name: str) -> Trimesh:
        from mesh_datasets import DatasetError, load
        from mesh_datasets.normalization import normalize

        try:
            if dataset not in self._sets:
                self._sets[dataset] = load(dataset, data_root=self.data_root)
            shape = next((shape for shape in self._sets[dataset] if shape.name == name), None)
            if shape is None:
                raise MeshesUnavailable(f"data set {dataset} holds no {name} here")
            return normalize(shape.load(), name)[0]
        except DatasetError as error:
            raise MeshesUnavailable(str(error)) from None


def _is(mesh: Trimesh, row: ShapeRow) -> bool:
    from mesh_datasets.fingerprint import mesh_fingerprint

    return not row["decoded_sha256"] or mesh_fingerprint(mesh) == row["decoded_sha256"]
