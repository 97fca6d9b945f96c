"""``procedural:N``: machine parts made from a seed with manifold3d, as many as one wants, all watertight.

Part ``i`` of seed ``s`` is always the same part, whatever N is (for one version of manifold3d; the stamp names it).
"""

from __future__ import annotations

from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from mesh_datasets.errors import DatasetUnavailable
from mesh_datasets.file_shape import binary_ply_size
from mesh_datasets.shape_set import Shape, ShapeSet

if TYPE_CHECKING:
    from trimesh import Trimesh

    from mesh_datasets.loading import Request

MOST_PARTS = 1_000_000
"""Parts of a set: its list takes about 1 KiB a part before any is made."""


def load_procedural(request: Request) -> ShapeSet:
    """N parts of ``request.seed``. Source bytes are those of the mesh as a binary PLY file.

    Raises:
        UnknownDataset: N is missing or not a whole number from 1 to `MOST_PARTS`.
        DatasetUnavailable: manifold3d is not installed.
    """
    from mesh_datasets.parts import FAMILIES

    request.refuse("split", "per_set")
    count = request.count(MOST_PARTS, "parts")
    try:
        maker = f"manifold3d {version('manifold3d')}"
    except PackageNotFoundError:
        raise DatasetUnavailable("procedural parts need manifold3d", "pip install manifold3d") from None
    seed, families = request.seed, list(FAMILIES)
    shapes = tuple(
        Shape(
            name=f"part_{index:06d}_{families[index % len(families)]}",
            category="object",
            stamp=f"procedural|{maker}|seed {seed}|{index}",
            loader=partial(make, seed, index),
            size=partial(part_bytes, seed, index),
        )
        for index in range(count)
    )
    provenance = {"dataset": "procedural", "selection": f"parts 0 to {count - 1}", "seed": seed, "maker": maker}
    return ShapeSet(name="procedural", spec=request.spec, shapes=shapes, provenance=provenance)


def make(seed: int, index: int) -> Trimesh:
    """Make part ``index``: float64 vertices in millimetres, watertight."""
    import numpy as np

    from mesh_datasets.mesh_files.surface import checked
    from mesh_datasets.parts import FAMILIES

    family = list(FAMILIES.values())[index % len(FAMILIES)]
    solid = family(np.random.default_rng([seed, index]))
    mesh = solid.to_mesh64() if hasattr(solid, "to_mesh64") else solid.to_mesh()
    return checked(mesh.vert_properties[:, :3], mesh.tri_verts, f"procedural part {index} of seed {seed}")


@cache
def part_bytes(seed: int, index: int) -> int:
    """Size of the part as a binary PLY file; makes the part."""
    mesh = make(seed, index)
    return binary_ply_size(len(mesh.vertices), len(mesh.faces))
