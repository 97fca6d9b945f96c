"""The embedded sample: 48 meshes, 16 humans, 16 animals and 16 objects, in one file of under 4 MB.

`mesh_datasets.sample.build` made the file from packages of other people; the file is the reference. NOTICE has the
credits.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_datasets.errors import UnknownDataset
from mesh_datasets.file_shape import binary_ply_size
from mesh_datasets.shape_set import Shape, ShapeSet

if TYPE_CHECKING:
    from trimesh import Trimesh

    from mesh_datasets.loading import Request

PACK_FILE = Path(__file__).with_name("pack.xz")

PARTS = {"humans": "human", "animals": "animal", "objects": "object"}
"""Part as it is asked for -> category."""


def load_sample(request: Request) -> ShapeSet:
    """The sample, or the part that stands behind the colon.

    Source bytes are those of the mesh as a binary PLY file, since the shapes have no files of their own.

    Raises:
        UnknownDataset: no such part.
        DatasetUnavailable: the pack is missing or damaged.
    """
    from mesh_datasets.sample.pack import read_pack

    request.refuse("split", "per_set")
    part = request.argument
    if part and part not in PARTS:
        raise UnknownDataset(f"the sample has no part {part!r}", "parts: " + ", ".join(PARTS))
    shapes = tuple(
        Shape(
            name=shape.name,
            category=shape.category,
            stamp=f"sample|{shape.fingerprint}",
            loader=partial(unpack, index),
            size=binary_ply_size(shape.vertices, shape.faces),
        )
        for index, shape in enumerate(read_pack(PACK_FILE).shapes)
        if not part or shape.category == PARTS[part]
    )
    name = f"sample-{part}" if part else "sample"
    provenance = {"dataset": "sample", "selection": part or "all", "available": len(shapes)}
    return ShapeSet(name=name, spec=request.spec, shapes=shapes, provenance=provenance)


def unpack(index: int) -> Trimesh:
    """Unpack one shape of the sample."""
    from mesh_datasets.sample.pack import read_pack

    return read_pack(PACK_FILE).mesh(index)
