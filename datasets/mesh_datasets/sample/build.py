"""Build the sample pack from the packages that its meshes come from: ``python -m mesh_datasets.sample.build``.

Needs the extra ``sample``. The pack that is part of this repository is the reference: newer versions of those packages
may give other meshes, so a pack that was built anew is another data set and gets new fingerprints.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mesh_datasets.mesh_files.surface import checked, weld
from mesh_datasets.sample import PACK_FILE
from mesh_datasets.sample.dogs import build_dogs
from mesh_datasets.sample.humans import build_humans
from mesh_datasets.sample.objects import build_objects
from mesh_datasets.sample.pack import Pack, Quantised, quantised, write_pack

SEED = 20250
SOURCES = ("anny", "dm_control", "mujoco", "airo-models", "pybullet", "torch", "numpy")


def main() -> None:
    """Build, check and write the pack; print what is in it."""
    parser = argparse.ArgumentParser(description="Build the sample pack.")
    parser.add_argument("--out", type=Path, default=PACK_FILE, help="file to write (default: the package's own)")
    path = parser.parse_args().out
    write_pack(path, _meshes(SEED))
    pack = Pack(path)
    for index, shape in enumerate(pack.shapes):
        if not pack.mesh(index).is_watertight:
            raise SystemExit(f"{shape.name} is not watertight")
        print(f"{shape.name:32s} {shape.vertices:6d} vertices {shape.faces:6d} faces {shape.length:6d} bytes")
    print(", ".join(f"{name} {version(name)}" for name in SOURCES))
    print(f"{len(pack.shapes)} shapes, {path.stat().st_size} bytes: {path}")


def _meshes(seed: int) -> Iterator[Quantised]:
    """All shapes, humans first; objects are cleaned of what the quantisation makes equal."""
    for name, vertices, faces in build_humans(seed):
        yield quantised(name, "human", vertices, faces)
    for name, vertices, faces in build_dogs(seed):
        yield quantised(name, "animal", vertices, faces)
    for name, vertices, faces in build_objects():
        yield _cleaned(quantised(name, "object", vertices, faces))


def _cleaned(mesh: Quantised) -> Quantised:
    """Weld vertices that fell onto one integer position; drop the faces that lost a corner by that."""
    welded = weld(checked(mesh.integers, mesh.faces, mesh.name))
    faces = np.asarray(welded.faces)
    a, b, c = faces.T
    kept = faces[(a != b) & (b != c) & (c != a)]
    integers = np.asarray(welded.vertices).astype(np.int64)
    return Quantised(mesh.name, mesh.category, integers, kept, mesh.origin, mesh.step)


if __name__ == "__main__":
    main()
