"""A run folder whose meshes can be shown: spheres as references, noisy spheres as reconstructions."""

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
    for index, shape in enumerate(manifest["shapes"]):
        reference = trimesh.creation.icosphere(subdivisions=3, radius=0.4 + 0.2 * index)
        shape["sha256"] = mesh_fingerprint(reference)
        write_mesh(cache / "meshes" / f"{shape['sha256']}.npz", reference)
        for row in run.set_rows():
            noise = rng.normal(0, 0.01, reference.vertices.shape)
            decoded = trimesh.Trimesh(reference.vertices + noise, reference.faces, process=False)
            write_mesh(run.decoded(row["archive"]) / f"{index:06d}.npz", decoded)
    run.write_manifest(manifest)
    return run
