import struct

import numpy as np
import pytest
import trimesh
from mesh_datasets.errors import InvalidShape

from tests.datasets.mesh_files.solids import (
    BOX,
    BOX_QUADS,
    BOX_TRIANGLES,
    L_AREA,
    L_POLYGONS,
    L_PRISM,
    L_VOLUME,
    assert_box,
    assert_solid,
    counted,
    rows,
    written,
)

MIXED = [*BOX_TRIANGLES[:6], *BOX_QUADS[3:]]
NAMES = {"": "ascii", "<": "binary_little_endian", ">": "binary_big_endian"}


def header(order, points, polygons, point="", polygon="", faces="face"):
    axes = "".join(f"property float {axis}\n" for axis in "xyz")
    return (
        f"ply\nformat {NAMES[order]} 1.0\ncomment made by the test, für sie\nelement vertex {points}\n{axes}{point}"
        f"element {faces} {polygons}\nproperty list uchar int vertex_indices\n{polygon}end_header\n"
    ).encode()


def binary(order, points, polygons, behind_point=b"", behind_polygon=b""):
    body = b"".join(struct.pack(order + "3f", *point) + behind_point for point in points)
    return body + b"".join(struct.pack(f"{order}B{len(p)}i", len(p), *p) + behind_polygon for p in polygons)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("polygons", [BOX_TRIANGLES, BOX_QUADS, MIXED], ids=["triangles", "quads", "mixed"])
def test_binary_polygons_of_any_size(tmp_path, order, polygons):
    assert_box(written(tmp_path / "a.ply", header(order, 8, len(polygons)) + binary(order, BOX, polygons)))


@pytest.mark.parametrize("order", ["", "<", ">"])
def test_concave_polygons_are_cut_inside(tmp_path, order):
    body = binary(order, L_PRISM, L_POLYGONS) if order else (rows(L_PRISM) + counted(L_POLYGONS)).encode()
    mesh = written(tmp_path / "a.ply", header(order, 12, 8) + body)
    assert_solid(mesh, L_AREA, L_VOLUME, 20)


def test_texture_coordinates_of_corners_do_not_tear(tmp_path):
    uv = struct.pack("<B6f", 6, *range(6))
    head = header("<", 8, 12, polygon="property list uchar float texcoord\n")
    mesh = written(tmp_path / "a.ply", head + binary("<", BOX, BOX_TRIANGLES, behind_polygon=uv))
    assert_box(mesh)
    np.testing.assert_array_equal(mesh.vertices, BOX)


def test_lists_of_varying_length_beside_points_and_faces(tmp_path):
    head = header(
        "<", 8, 12, "property list uchar float weights\n", "property list uchar int neighbours\nproperty uchar x\n"
    )
    body = b"".join(struct.pack(f"<3fB{i}f", *point, i, *range(i)) for i, point in enumerate(BOX))
    body += b"".join(
        struct.pack(f"<B3iB{i % 4}iB", 3, *face, i % 4, *range(i % 4), 7) for i, face in enumerate(BOX_TRIANGLES)
    )
    assert_box(written(tmp_path / "a.ply", head + body))


def test_triangle_strips(tmp_path):
    strip = [7, 3, 5, 1, 0, 3, 2, 7, 6, 5, 4, 0, 6, 2]  # the box in one strip
    head = header("<", 8, 1, faces="tristrips").replace(b"list uchar", b"list int")
    mesh = written(tmp_path / "a.ply", head + binary("<", BOX, []) + struct.pack("<15i", 14, *strip))
    assert len(mesh.faces) == 12
    assert mesh.is_watertight
    assert abs(mesh.volume) == pytest.approx(24)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_of_text_and_header(tmp_path, ending):
    text = (header("", 8, 12).decode() + rows(BOX) + counted(BOX_TRIANGLES)).replace("\n", ending)
    assert_box(written(tmp_path / "a.ply", text))
    head = header("<", 8, 12).decode().replace("\n", ending).encode()
    assert_box(written(tmp_path / "b.ply", head + binary("<", BOX, BOX_TRIANGLES)))


def test_a_byte_order_mark_before_text(tmp_path):
    text = header("", 8, 12) + (rows(BOX) + counted(BOX_TRIANGLES)).encode()
    assert_box(written(tmp_path / "a.ply", b"\xef\xbb\xbf" + text))


def test_lines_with_more_numbers_than_stated(tmp_path):
    text = header("", 8, 12).decode() + rows(BOX) + rows([[3, *face, 255, 0, 0] for face in BOX_TRIANGLES])
    assert_box(written(tmp_path / "a.ply", text))


def test_doubles_and_types_by_their_other_names(tmp_path):
    head = header("<", 8, 12).replace(b"float", b"float64").replace(b"uchar int", b"uint16 uint32")
    body = (BOX + 1e6 + 1e-4).astype("<f8").tobytes()
    body += b"".join(struct.pack("<H3I", 3, *face) for face in BOX_TRIANGLES)
    np.testing.assert_array_equal(written(tmp_path / "a.ply", head + body).vertices, BOX + 1e6 + 1e-4)


FULL = header("<", 8, 12) + binary("<", BOX, BOX_TRIANGLES)
TEXT = header("", 8, 12) + (rows(BOX) + counted(BOX_TRIANGLES)).encode()
REFUSED = {
    "cut binary": (FULL[:-20], "ends before the 12 rows of face"),
    "cut mixed": (header("<", 8, 9) + binary("<", BOX, MIXED)[:-3], "ends before the 9 rows of face"),
    "cut text": (TEXT[: TEXT.rindex(b"\n", 0, -1) - 40], "ends before the 12 rows of face"),
    "cut header": (FULL[:90], "cut short"),
    "a thousand million faces": (header("", 8, 10**9) + TEXT.split(b"end_header\n")[1], "states 1,000,000,000 rows"),
    "more than stated": (header("<", 8, 6) + binary("<", BOX, BOX_TRIANGLES), "78 bytes follow"),
    "more lines than stated": (header("", 8, 6) + TEXT.split(b"end_header\n")[1], "24 numbers follow"),
    "a list of two thousand million": (
        header("<", 8, 1).replace(b"uchar", b"uint") + BOX.astype("<f4").tobytes() + b"\xff\xff\xff\x7f" + bytes(40),
        "ends before",
    ),
    "a negative length": (
        header("<", 8, 1).replace(b"uchar", b"char") + BOX.astype("<f4").tobytes() + b"\xff" + bytes(12),
        "length of -1",
    ),
    "not a number": (TEXT.replace(b"3 0 1 3", b"3 0 one 3"), "'one' is not a number"),
    "half an index": (TEXT.replace(b"3 0 1 3", b"3 0 1.5 3"), "1.5 is not a whole number"),
    "an unknown type": (FULL.replace(b"uchar int", b"uchar quad"), "no known type"),
    "no coordinates": (FULL.replace(b"float z", b"float w"), "no property z"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_at_odds_with_the_header_is_refused(tmp_path, name):
    content, reason = REFUSED[name]
    with pytest.raises(InvalidShape, match=reason) as caught:
        written(tmp_path / "a.ply", content)
    assert "a.ply" in str(caught.value)


def test_agrees_with_trimesh_on_what_it_writes(tmp_path):
    ball = trimesh.creation.icosphere(subdivisions=2)
    for encoding in ("binary", "ascii"):
        ball.export(tmp_path / "a.ply", encoding=encoding, vertex_normal=True)
        mesh = written(tmp_path / "b.ply", (tmp_path / "a.ply").read_bytes())
        np.testing.assert_array_equal(mesh.faces, ball.faces)
        np.testing.assert_allclose(mesh.vertices, ball.vertices, atol=1e-6)
