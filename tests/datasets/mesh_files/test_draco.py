import struct

import DracoPy
import numpy as np
import pytest
from mesh_datasets.errors import InvalidShape

from tests.datasets.mesh_files.solids import BOX, BOX_TRIANGLES, written

POINTS, FACES = BOX.astype(np.float32), np.array(BOX_TRIANGLES)


@pytest.mark.parametrize("options", [{}, {"preserve_order": True}, {"create_metadata": True}, {"quantization_bits": 0}])
def test_a_closed_mesh_comes_back(tmp_path, options):
    mesh = written(tmp_path / "a.drc", DracoPy.encode(POINTS, FACES, **options))
    np.testing.assert_allclose(mesh.volume, 24, rtol=1e-3)
    assert mesh.is_watertight


def test_seams_of_texture_coordinates_do_not_tear(tmp_path):
    corners, uv = POINTS[FACES.ravel()], np.random.default_rng(0).random((36, 2))
    stream = DracoPy.encode(corners, np.arange(36).reshape(-1, 3), tex_coord=uv, quantization_bits=0)
    assert written(tmp_path / "a.drc", stream).is_watertight


def varint(value):
    low = value & 127
    return bytes([low]) if value < 128 else bytes([low | 128]) + varint(value >> 7)


REFUSED = {
    "not Draco": (b"draco" * 10, "begin with DRACO"),
    "points": (DracoPy.encode(POINTS), "point cloud"),
    "cut": (DracoPy.encode(POINTS, FACES)[:60], "does not decode"),
    "edgebreaker": (b"DRACO\2\2\1\1\0\0\0" + varint(10**9) * 2 + bytes(99), "states 1,000,000,000 faces or points"),
    "sequential": (b"DRACO\2\2\1\0\0\0" + varint(10**9) * 2 + bytes(99), "states 1,000,000,000 faces or points"),
    "old": (b"DRACO\1\3\1\0\0\0" + struct.pack("<2I", 10**9, 3) + bytes(99), "states 1,000,000,000 faces or points"),
    "metadata": (
        b"DRACO\2\2\1\1\0\x80" + b"\1\0\1\1a\1b\0" + b"\0\1\1c\0\0" + b"\0" + varint(10**9) * 2 + bytes(99),
        "states 1,000,000,000 faces or points",
    ),
    "endless number": (b"DRACO\2\2\1\1\0\0\0" + b"\xff" * 30, "cut short"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named(tmp_path, name):
    content, reason = REFUSED[name]
    with pytest.raises(InvalidShape, match=reason) as caught:
        written(tmp_path / "a.drc", content)
    assert "a.drc" in str(caught.value)
