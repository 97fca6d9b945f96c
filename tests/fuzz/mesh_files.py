"""Mesh files: one format for each reader, damaged blindly and where numbers, words and values stand."""

from __future__ import annotations

import base64
import functools
import io
import json
import re
import zipfile
from random import Random
from typing import Any

import numpy as np
from mesh_datasets.mesh_files.reading import read_mesh

from bench.codec import Context
from tests.datasets.mesh_files.packages import Gltf, group_object, mesh_object, model, package
from tests.datasets.mesh_files.solids import BOX, BOX_QUADS, BOX_TRIANGLES, L_POLYGONS, L_PRISM, counted, rows
from tests.fuzz.documents import odd_json
from tests.fuzz.mutations import noise

WORDS = [
    *(b"", b"-1", b"0", b"1.5", b"nan", b"inf", b"-inf", b"1e400", b"4294967296", b"9223372036854775807", b"9" * 30),
    *(b"x", b"#", b"/", b"1//1", b"-9", b"list", b"uchar", b"char", b"double", b"face", b"vertex", b"\n", b"\xff"),
]
_WORD = re.compile(rb"[^\s]+")


def decode(suffix: str, data: bytes, context: Context) -> None:
    """Read it as a user's file."""
    path = context.scratch / f"a{suffix}"
    path.write_bytes(data)
    mesh = read_mesh(path)
    assert np.isfinite(mesh.vertices).all()
    assert 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.vertices)


def damaged(r: Random, pool: list[bytes]) -> bytes:
    """Bytes changed, or a word among the first 4,096 bytes or anywhere."""
    data, other = r.choice(pool), r.choice(pool)
    if r.random() < 0.5:
        return noise(r, data, other)
    for _ in range(r.choice([1, 1, 2, 3])):
        word = r.choice(list(_WORD.finditer(data[: r.choice([4096, len(data)])])) or [re.match(rb"", data)])
        data = data[: word.start()] + r.choice(WORDS) + data[word.end() :]  # type: ignore[union-attr]
    return data


def damaged_gltf(r: Random, pool: list[bytes]) -> bytes:
    """Mostly a value of the JSON."""
    data = r.choice(pool)
    return noise(r, data, r.choice(pool)) if r.random() < 0.1 else odd_json(r, data.decode()).encode()


def damaged_package(r: Random, pool: list[bytes]) -> bytes:
    """Mostly the text of a part, in a whole archive."""
    data = r.choice(pool)
    if r.random() < 0.2:
        return noise(r, data, r.choice(pool))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = r.choice(list(parts))
    found = list(re.finditer(rb'(?<=")[^"]*(?=")|(?<=[< /])\w+', parts[name]))
    where = r.choice(found)
    changed = parts[name][: where.start()] + r.choice(WORDS) + parts[name][where.end() :]
    parts[name] = noise(r, parts[name], b"<>") if r.random() < 0.2 else changed
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def ply_files() -> list[bytes]:
    """Text and binary, with corner texture coordinates, mixed polygons and strips."""
    properties = "".join(f"property double {axis}\n" for axis in "xyz")
    head = f"ply\nformat {{}} 1.0\nelement vertex {len(L_PRISM)}\n{properties}element face {len(L_POLYGONS)}\n"
    corner = "property list uchar int vertex_indices\n"
    text = (head.format("ascii") + corner + "end_header\n" + rows(L_PRISM) + counted(L_POLYGONS)).encode()
    found = [text]
    for name, order in (("binary_little_endian", "<"), ("binary_big_endian", ">")):
        body = L_PRISM.astype(f"{order}f8").tobytes()
        for polygon in L_POLYGONS:
            body += bytes([len(polygon)]) + np.array(polygon, f"{order}i4").tobytes()
            body += bytes([2 * len(polygon)]) + np.zeros(2 * len(polygon), f"{order}f4").tobytes()
        more = "property list uchar float texcoord\nend_header\n"
        found.append((head.format(name) + corner + more).encode() + body)
    return found


def off_files() -> list[bytes]:
    """Polygons with and without colours."""
    return [
        f"OFF\n{len(points)} {len(polygons)} 0\n{rows(points)}{counted(polygons)}".encode()
        for points, polygons in ((BOX, BOX_QUADS), (L_PRISM, L_POLYGONS))
    ]


def obj_files() -> list[bytes]:
    """Indices from the first and from the last vertex, with and without texture coordinates."""
    points = "".join(f"v {x} {y} {z}\n" for x, y, z in L_PRISM)
    plain = "".join("f " + " ".join(str(corner + 1) for corner in polygon) + "\n" for polygon in L_POLYGONS)
    behind = "".join("f " + " ".join(f"{corner - 12}/1" for corner in polygon) + "\n" for polygon in L_POLYGONS)
    return [(points + plain).encode(), f"{points}vt 0 0\n{behind}".encode()]


def stl_files() -> list[bytes]:
    """Text and binary."""
    corners = BOX[np.array(BOX_TRIANGLES)]
    records = np.zeros(12, [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    records["corners"] = corners
    facets = "".join(
        "facet normal 0 0 0\nouter loop\n"
        + "".join(f"vertex {x} {y} {z}\n" for x, y, z in triangle)
        + "endloop\nendfacet\n"
        for triangle in corners
    )
    binary = bytes(80) + (12).to_bytes(4, "little") + records.tobytes()
    return [binary, f"solid a\n{facets}endsolid a\n".encode()]


def _gltf() -> tuple[Gltf, dict[str, Any]]:
    """A file with sparse values, instances and a second part, and its tables."""
    gltf = Gltf()
    part = gltf.part(BOX, BOX_TRIANGLES)
    places = gltf.accessor([[0, 0, 0], [9, 0, 0]], "f4")
    rows_of, values = gltf.view(bytes([1, 5])), gltf.view(BOX[[1, 5]].astype("<f4").tobytes())
    sparse = {"count": 2, "indices": {"bufferView": rows_of, "componentType": 5121}, "values": {"bufferView": values}}
    gltf.tree["accessors"][part["attributes"]["POSITION"]]["sparse"] = sparse
    fan = {"mode": 6, "attributes": part["attributes"], "indices": gltf.accessor([0, 1, 3, 2], "u1")}
    instanced = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places}}}
    return gltf, {
        "meshes": [{"primitives": [part, fan]}],
        "nodes": [{"children": [1], "scale": [1, 2, 3]}, {"mesh": 0, "extensions": instanced}],
        "extensionsRequired": ["EXT_mesh_gpu_instancing"],
    }


def gltf_files() -> list[bytes]:
    """Text with its buffer inside."""
    gltf, tree = _gltf()
    gltf.glb()
    uri = "data:application/octet-stream;base64," + base64.b64encode(gltf.buffer).decode()
    buffers = [{"uri": uri, "byteLength": len(gltf.buffer)}]
    return [json.dumps({**gltf.tree, "scenes": [{"nodes": [0]}], **tree, "buffers": buffers}).encode()]


def glb_files() -> list[bytes]:
    """The same, binary."""
    gltf, tree = _gltf()
    return [gltf.glb(**tree)]


def packages() -> list[bytes]:
    """3MF: one part, and parts in other files that move one another."""
    box = mesh_object(1, BOX.tolist(), BOX_TRIANGLES)
    turned = 'objectid="2" transform="0 1 0 -1 0 0 0 0 1 5 0 0"'
    root = model(
        [group_object(2, ['objectid="1" p:path="/3D/b.model"'])],
        ['objectid="2"', turned],
        'requiredextensions="p"',
    )
    return [
        package({"3D/3dmodel.model": model([box], ['objectid="1"'])}),
        package({"3D/3dmodel.model": root, "3D/b.model": model([box])}),
    ]


@functools.cache
def draco_files() -> list[bytes]:
    """Both ways of coding faces."""
    import DracoPy

    faces = np.array(BOX_TRIANGLES)
    return [DracoPy.encode(BOX, faces, quantization_bits=11, preserve_order=order) for order in (False, True)]
