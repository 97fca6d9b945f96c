"""What a practitioner does at low rates: quadric decimation (Garland and Heckbert 1997), then Draco.

The decimator is MeshLab's. It reaches the number of faces on gears and other parts cut into slivers, where
fast-simplification (at its defaults) stops early or tears the surface, and at equal faces its error on bodies is 20 to
55 % lower.

The ladder pairs face counts with bits along the lower left front of all pairs (face counts 200 to all, 7 to 12 bits;
surface distance against bytes, mean over half of the sample set): fewer faces bear coarser coordinates.

``fit=on`` is no common practice: it moves the vertices that are left as ``meshset`` does, so that its rows say what the
fit brings to a codec that knows nothing of the set.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from baselines.mesh import draco
from bench.codec import CodecInfo, Context, EncodeFailed, Part, Rate, ShapeCodec
from bench.codec.checks import checked_arrays

if TYPE_CHECKING:
    import numpy as np
    from trimesh import Trimesh

LADDER = ((300, 7), (500, 8), (1000, 8), (2000, 9), (3000, 10), (6000, 11), (12000, 12))


@dataclass(frozen=True)
class DracoSimplifyRate(Rate):
    """At most ``faces`` faces, and quantisation ``bits`` per coordinate.

    With ``fit``, vertices are moved to where the surface error is least before they are quantised.
    """

    faces: int = 1000
    bits: int = 9
    fit: bool = False

    def __post_init__(self) -> None:
        draco.DracoRate(self.bits)
        if self.faces < 4:
            raise ValueError(f"draco-simplify: faces must be at least 4, got {self.faces}")


class DracoSimplify(ShapeCodec):
    """Decimated, then coded with Draco; a mesh that has no more faces than asked for is left whole."""

    info = CodecInfo(
        name="draco-simplify",
        version="1",
        title="Simplify + Draco",
        summary="Control: quadric edge collapse to a number of faces, then Draco.",
        kind="mesh",
        licence="Apache-2.0 (Draco), GPL-3.0 (PyMeshLab)",
        reference="https://pymeshlab.readthedocs.io/",
    )
    rate_type = DracoSimplifyRate
    ladder = {f"f{f}q{b}": {"faces": f, "bits": b} for f, b in LADDER}  # noqa: RUF012
    packages = ("DracoPy", "pymeshlab")

    def encode_shape(self, mesh: Trimesh, rate: DracoSimplifyRate, context: Context) -> Part:
        original = checked_arrays(mesh)
        vertices, faces = simplified(*original, rate.faces, context)
        if rate.fit and len(faces) < len(original[1]):
            with context.phase("fit"):
                vertices = _fitted(original, vertices, faces)
        return draco.pack(vertices, faces, rate.bits)

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        return draco.unpack(data, context)


def simplified(
    vertices: np.ndarray[Any, Any], faces: np.ndarray[Any, Any], target: int, context: Context
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """`simplify`, from the context's cache where a job has asked for so many faces before. Phase ``simplify``."""
    if len(faces) <= target:
        return vertices, faces

    def compute() -> dict[str, Any]:
        return dict(zip(("vertices", "faces"), simplify(vertices, faces, target), strict=True))

    key = hashlib.sha256(
        f"simplify/1 pymeshlab {version('pymeshlab')} {target} {vertices.shape} {faces.shape}".encode()
    )
    for array in (vertices, faces):
        key.update(f" {array.dtype.str} ".encode())
        key.update(array.tobytes())
    found = context.cached("simplify", key.hexdigest(), compute)
    return found["vertices"], found["faces"]


def simplify(
    vertices: np.ndarray[Any, Any], faces: np.ndarray[Any, Any], target: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Collapse edges until at most ``target`` faces are left. The result stays in [-1, 1]."""
    import pymeshlab

    if len(faces) <= target:
        return vertices, faces
    meshes = pymeshlab.MeshSet(verbose=False)
    meshes.add_mesh(pymeshlab.Mesh(vertex_matrix=vertices, face_matrix=faces))
    meshes.meshing_decimation_quadric_edge_collapse(targetfacenum=target)
    fewer = meshes.current_mesh()
    if fewer.face_number() == 0:
        raise EncodeFailed(f"nothing is left of {len(faces)} faces after simplification to {target}")
    return fewer.vertex_matrix().clip(-1, 1), fewer.face_matrix()


def _fitted(
    original: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]],
    vertices: np.ndarray[Any, Any],
    faces: np.ndarray[Any, Any],
) -> np.ndarray[Any, Any]:
    """The vertices (v, 3) of a decimated mesh, moved closer to the original where that succeeds; in [-1, 1]."""
    from necgs.vertex_fit.fitting import FitSettings, Original
    from necgs.vertex_fit.guarded_fit import guarded_fit

    settings = FitSettings()
    return guarded_fit(Original(*original, settings.bound(len(faces))), vertices, faces, settings).vertices
