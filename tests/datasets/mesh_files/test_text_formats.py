"""OBJ, OFF and STL."""

import struct

import numpy as np
import pytest
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

POINTS = "".join(f"v {row}\n" for row in rows(BOX).splitlines())
FACES = "".join(f"f {row}\n" for row in rows(np.array(BOX_TRIANGLES) + 1).splitlines())
OBJ = POINTS + FACES
OFF = "OFF\n8 12 18\n" + rows(BOX) + counted(BOX_TRIANGLES)


def test_obj_relative_indices_between_blocks_of_vertices(tmp_path):
    blocks = [
        "".join(f"v {row}\n" for row in rows(BOX + np.array([5, 10, 0]) * block).splitlines())
        + "".join(f"f {row}\n" for row in rows(np.array(BOX_TRIANGLES) - 8).splitlines())
        for block in range(3)
    ]
    mesh = written(tmp_path / "a.obj", "".join(blocks))
    assert_box(mesh, copies=3)
    np.testing.assert_array_equal(mesh.extents, [12, 23, 4])


OBJ_WRITINGS = {
    "comments": OBJ.replace("\n", " # and so on\n"),
    "byte-order mark": "\ufeff" + OBJ,
    "CR": OBJ.replace("\n", "\r"),
    "CR LF": OBJ.replace("\n", "\r\n"),
    "tabs and blanks": "  \t" + OBJ.replace(" ", "\t  "),
    "lines that go on": OBJ.replace(" ", " \\\n"),
    "a comment with a backslash": "# made in C:\\\n" + OBJ,
    "colours and weights": POINTS.replace("\n", " 0.5 0.5 0.5\n") + FACES,
    "quads": POINTS + "".join(f"f {row}\n" for row in rows(np.array(BOX_QUADS) + 1).splitlines()),
    "faces first": FACES + POINTS,
    "groups, lines and points": "o a\ng b\nusemtl c\n" + POINTS + "l 1 2 3\np 4\ns off\ncstype bezier\n" + FACES,
    "normals and no texture": POINTS + "vn 0 0 1\n" + FACES.replace("\n", " \n").replace(" \n", "//1\n"),
}


@pytest.mark.parametrize("name", OBJ_WRITINGS)
def test_obj_however_it_is_written(tmp_path, name):
    assert_box(written(tmp_path / "a.obj", OBJ_WRITINGS[name]))


def test_obj_in_utf_16(tmp_path):
    assert_box(written(tmp_path / "a.obj", OBJ.encode("utf-16")))


def test_obj_concave_polygons(tmp_path):
    text = "".join(f"v {row}\n" for row in rows(L_PRISM).splitlines())
    text += "".join("f " + " ".join(str(corner + 1) for corner in polygon) + "\n" for polygon in L_POLYGONS)
    assert_solid(written(tmp_path / "a.obj", text), L_AREA, L_VOLUME, 20)


OFF_WRITINGS = {
    "plain": OFF,
    "no keyword": OFF[4:],
    "small letters": OFF.replace("OFF", "off"),
    "byte-order mark": "\ufeff" + OFF,
    "counts beside the keyword, comments": "OFF 8 12 18 # a box\n# of triangles\n" + OFF.split("\n", 2)[2],
    "no edges": OFF.replace("8 12 18", "8 12"),
    "colours of faces": "OFF\n8 12 0\n" + rows(BOX) + counted(BOX_TRIANGLES).replace("\n", " 255 0 0\n"),
    "colours of vertices": "COFF\n8 12 0\n" + rows(BOX).replace("\n", " 9 9 9 255\n") + counted(BOX_TRIANGLES),
    "normals": "NOFF\n8 12 0\n" + rows(BOX).replace("\n", " 0 0 1\n") + counted(BOX_TRIANGLES),
    "one line": OFF.replace("\n", " "),
    "CR LF": OFF.replace("\n", "\r\n"),
    "mixed": "OFF\n8 9 0\n" + rows(BOX) + counted([*BOX_TRIANGLES[:6], *BOX_QUADS[3:]]),
    "points and edges": "OFF\n8 14 0\n" + rows(BOX) + counted([*BOX_TRIANGLES, [0], [0, 1]]),
}


@pytest.mark.parametrize("name", OFF_WRITINGS)
def test_off_however_it_is_written(tmp_path, name):
    assert_box(written(tmp_path / "a.off", OFF_WRITINGS[name]))


def test_off_concave_polygons(tmp_path):
    text = "OFF\n12 8 0\n" + rows(L_PRISM) + counted(L_POLYGONS)
    assert_solid(written(tmp_path / "a.off", text), L_AREA, L_VOLUME, 20)


def stl_records(triangles):
    corners = BOX[np.array(triangles)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return b"".join(struct.pack("<12fH", *n, *c.ravel(), 0) for n, c in zip(normals, corners, strict=True))


def stl(stated, triangles=BOX_TRIANGLES, head=b"binary"):
    return head.ljust(80) + struct.pack("<I", stated) + stl_records(triangles)


def stl_text(triangles=BOX_TRIANGLES, name="a box"):
    facets = "".join(
        "  facet normal 0 0 1\n    outer loop\n"
        + "".join(f"      vertex {row}\n" for row in rows(BOX[triangle]).splitlines())
        + "    endloop\n  endfacet\n"
        for triangle in triangles
    )
    return f"solid {name}\n{facets}endsolid {name}\n"


STL_WRITINGS = {
    "binary": stl(12),
    "called solid": stl(12, head=b"solid, and yet binary"),
    "a few bytes more": stl(12) + b"signed by someone",
    "many bytes more": stl(12)
    + b"some other data that programs put behind the triangles, such as a colour table\n" * 3,
    "zeros behind": stl(12) + bytes(500),
    "text": stl_text(),
    "capitals": stl_text().upper(),
    "facet and vertex in the name": stl_text(name="facet vertex 1 2 3 of part"),
    "endsolid in the name": stl_text(name="the endsolid of part"),
    "called endsolid": stl_text(name="endsolid"),
    "no name, CR LF": stl_text(name="").replace("\n", "\r\n"),
    "one line": stl_text().replace("\n", " "),
    "two solids": stl_text(BOX_TRIANGLES[:5]) + stl_text(BOX_TRIANGLES[5:], "second"),
}


@pytest.mark.parametrize("name", STL_WRITINGS)
def test_stl_however_it_is_written(tmp_path, name):
    assert_box(written(tmp_path / "a.stl", STL_WRITINGS[name]))


@pytest.mark.parametrize(
    "text",
    [
        *(stl_text(name=name) for name in ("a box", "", "solid", "endsolid", "the endsolid of part")),
        stl_text().upper(),
        stl_text().replace("\n", "\r\n"),
        stl_text().replace("\n", " "),
        stl_text(BOX_TRIANGLES[:5]) + stl_text(BOX_TRIANGLES[5:], "second"),
    ],
    ids=["named", "unnamed", "solid", "endsolid", "among words", "capitals", "CR LF", "one line", "two solids"],
)
def test_stl_whose_last_line_is_cut(tmp_path, text):
    """Its keyword must be whole; its name is for people, and may be cut or missing."""
    last = text.lower().rindex("endfacet") + len("endfacet")
    keyword = text.lower().index("endsolid", last) + len("endsolid")
    for end in range(keyword, len(text)):
        assert_box(written(tmp_path / "a.stl", text[:end]))
    for end in range(last, keyword):
        with pytest.raises(InvalidShape, match="cut short"):
            written(tmp_path / "a.stl", text[:end])


REFUSED = {
    "zero.obj": (POINTS + "f 0 1 2\n", "index 0; OBJ counts from 1"),
    "behind.obj": (POINTS + "f -9 -1 -2\n", "index -9 behind 8 vertices"),
    "beyond.obj": (OBJ + "f 1 2 9\n", "names vertex 9, but there are 8"),
    "two.obj": (OBJ + "f 1 2\n", "face 13 has 2 corners"),
    "comma.obj": (OBJ.replace("v 2 3 4", "v 2,0 3,0 4,0"), "could not convert string to float: '2,0'"),
    "short.obj": (OBJ.replace("v 2 3 4", "v 2 3"), "vertex 8 has 2 coordinates"),
    "patches.obj": (OBJ + "surf 0 1 0 1 1 2 3 4\n", "the statement surf"),
    "letters.obj": (POINTS + "f a b c\n", "not made of indices"),
    "cut.off": (OFF[:-40], "header states 8 vertices and 12 polygons, but .* 8 vertices and 7 polygons"),
    "cut_points.off": ("OFF\n8 12 0\n" + rows(BOX[:5]), "5 vertices and 0 polygons"),
    "cut_one_line.off": (OFF.replace("\n", " ")[:-40], "ends before the 8 vertices and 12 polygons"),
    "more.off": (OFF.replace("8 12 18", "8 11 18"), "4 numbers follow"),
    "many.off": (OFF.replace("8 12 18", "8 1000000000 18"), "1,000,000,000 polygons"),
    "cut_row.off": (OFF.rsplit(" ", 1)[0], "polygon 12 states 3 corners, 2 numbers follow"),
    "four.off": (OFF.replace("OFF", "4OFF"), "other than 3 dimensions"),
    "binary.off": ("OFF BINARY\n" + OFF[4:], "BINARY is not read"),
    "more.stl": (stl(20), "states 20 triangles, the file holds 12"),
    "fewer.stl": (stl(5), "states 5 triangles, the file holds 12"),
    "fewer_and_rest.stl": (stl(5) + b"and more", "states 5 triangles, the file holds 12"),
    "cut.stl": (stl(12)[:-7], "states 12 triangles, the file holds 11"),
    "cut_text.stl": (stl_text().rsplit("facet", 2)[0], "begin and 0 end; the file is cut short"),
    "cut_facet.stl": (stl_text().replace("endfacet\nendsolid", "endsolid"), "facet 12 is not a normal and a loop"),
    "four_corners.stl": (stl_text().replace("    endloop", "vertex 0 0 0\n endloop", 1), "facet 1 is not a normal"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named(tmp_path, name):
    content, reason = REFUSED[name]
    with pytest.raises(InvalidShape, match=reason) as caught:
        written(tmp_path / name, content)
    assert name in str(caught.value)
