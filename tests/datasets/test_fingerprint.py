import hashlib
import struct

import numpy as np
import trimesh
from mesh_datasets.fingerprint import mesh_fingerprint

V = [[0, 0, 0], [1, 0, 0], [0, 1, 0.5]]


def test_bytes_are_those_of_the_description():
    mesh = trimesh.Trimesh(V, [[0, 1, 2]], process=False)
    data = struct.pack("<4q9d3q", 3, 3, 1, 3, *np.ravel(V), 0, 1, 2)
    assert mesh_fingerprint(mesh) == hashlib.sha256(data).hexdigest()


def test_geometry_and_order_count_and_nothing_else():
    mesh = trimesh.Trimesh(V, [[0, 1, 2]], process=False)
    coloured = trimesh.Trimesh(V, [[0, 1, 2]], vertex_colors=np.eye(3), metadata={"name": "x"}, process=False)
    assert mesh_fingerprint(coloured) == mesh_fingerprint(mesh)
    others = [
        trimesh.Trimesh(V, [[1, 2, 0]], process=False),
        trimesh.Trimesh(np.array(V) + 1e-15, [[0, 1, 2]], process=False),
        trimesh.Trimesh(V, [[0, 1, 2]] * 2, process=False),
    ]
    assert len({mesh_fingerprint(other) for other in [mesh, *others]}) == 4
