"""A run folder whose meshes can be shown: spheres as references, noisy spheres as reconstructions."""

import json
from pathlib import Path

import numpy as np
import trimesh
from mesh_datasets.fingerprint import mesh_fingerprint

from bench.planning.references import write_mesh
from bench.results.store import RunFolder
from tests.reports.synthetic import Defects, write_run


def write_run_with_meshes(
    path: Path, cache: Path, codecs: tuple[str, ...] = ("draco", "octree"), defects: Defects | None = None
) -> RunFolder:
    """Three shapes; every decoded mesh is kept in the run folder, the references lie in ``cache``."""
    run = write_run(path, codecs=codecs, shapes=3, rates=2, dataset="folder:x", defects=defects)
    manifest = run.read_manifest()
    rng = np.random.default_rng(0)
    hashes: dict[tuple[str, int], str] = {}
    for index, shape in enumerate(manifest["shapes"]):
        reference = trimesh.creation.icosphere(subdivisions=3, radius=0.4 + 0.2 * index)
        shape["sha256"] = mesh_fingerprint(reference)
        write_mesh(cache / "meshes" / f"{shape['sha256']}.npz", reference)
        for row in run.set_rows():
            noise = rng.normal(0, 0.01, reference.vertices.shape)
            decoded = trimesh.Trimesh(reference.vertices + noise, reference.faces, process=False)
            write_mesh(run.decoded(row["archive"]) / f"{index:06d}.npz", decoded)
            hashes[row["archive"], index] = mesh_fingerprint(decoded)
    run.write_manifest(manifest)
    _state_hashes(run, hashes)
    return run


def _state_hashes(run: RunFolder, hashes: dict[tuple[str, int], str]) -> None:
    """Write the meshes' hashes into the rows of shapes that did not fail."""
    rows = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    for row in rows:
        if row["kind"] == "shape" and row["status"] == "ok":
            row["decoded_sha256"] = hashes[row["archive"], row["index"]]
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
