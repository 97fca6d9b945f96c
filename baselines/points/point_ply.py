"""PLY files of points, as the MPEG programs read and write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Names that the programs use in headers -> numpy type.
TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
GREY = 128
# float32 holds integers exactly up to here.
LARGEST = 1 << 24


def write_points(path: Path, voxels: NDArray[np.integer], *, colours: bool = False) -> None:
    """Write voxels as binary little-endian ``float`` coordinates, the one type that every program reads rightly.

    Args:
        path: file to write.
        voxels: (n, 3) integers, 0 <= v < 2^24, n > 0.
        colours: add a grey to each point.

    Raises:
        ValueError: for an empty cloud, numbers that are not integers, or out of range.
    """
    voxels = np.asarray(voxels)
    if voxels.ndim != 2 or voxels.shape[1] != 3 or not len(voxels) or not np.issubdtype(voxels.dtype, np.integer):
        raise ValueError(f"voxels must be a non-empty (n, 3) integer array, not {voxels.shape} {voxels.dtype}")
    if voxels.min() < 0 or voxels.max() >= LARGEST:
        raise ValueError(f"voxel coordinates {voxels.min()} .. {voxels.max()} are out of range")
    names = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
    if colours:
        names += [("red", "u1"), ("green", "u1"), ("blue", "u1")]
    rows = np.full(len(voxels), GREY, dtype=names)
    for axis, name in enumerate("xyz"):
        rows[name] = voxels[:, axis]
    kind = {"<f4": "float", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(voxels)}"]
    header += [f"property {kind[dtype]} {name}" for name, dtype in names]
    path.write_bytes("\n".join([*header, "end_header", ""]).encode() + rows.tobytes())


def read_points(path: Path) -> NDArray[np.float64]:
    """The vertices' coordinates (n, 3) of an ascii or binary little-endian file.

    Raises:
        ValueError: when the file is missing, cut, not a PLY of points, or holds numbers that are not finite.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"no file was written: {error}") from None
    end = data.find(b"end_header\n")
    header = data[: max(end, 0)].decode("ascii", errors="replace").split("\n")
    if end < 0 or header[0].strip() != "ply":
        raise ValueError(f"{path.name} is not a PLY file")
    count, columns = _vertex_layout(header)
    body = data[end + len(b"end_header\n") :]
    names = [name for name, _ in columns]
    if not {"x", "y", "z"} <= set(names):
        raise ValueError(f"{path.name} has no coordinates")
    if any(line.strip().startswith("format ascii") for line in header):
        points = _ascii_rows(body, count, len(columns), path.name)[:, [names.index(axis) for axis in "xyz"]]
    else:
        row = np.dtype([(name, "<" + kind) for name, kind in columns])
        if len(body) < count * row.itemsize:
            raise ValueError(f"{path.name} is cut: {count} points are stated")
        rows = np.frombuffer(body, row, count)
        points = np.stack([rows[axis].astype(np.float64) for axis in "xyz"], axis=1)
    if not np.isfinite(points).all():
        raise ValueError(f"{path.name} holds coordinates that are not finite")
    return points


def _vertex_layout(header: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """Vertex count, and (name, numpy type) of the vertex properties. Vertices must be the first element."""
    count, columns = -1, []
    for words in (line.split() for line in header):
        if words[:1] == ["element"]:
            if count >= 0:
                break
            if len(words) != 3 or words[1] != "vertex" or not words[2].isdigit():
                raise ValueError(f"the first element of the PLY file is not its vertices: {' '.join(words)}")
            count = int(words[2])
        elif words[:1] == ["property"] and count >= 0:
            if len(words) != 3 or words[1] not in TYPES:
                raise ValueError(f"unknown vertex property in the PLY file: {' '.join(words)}")
            columns.append((words[2], TYPES[words[1]]))
    return max(count, 0), columns


def _ascii_rows(body: bytes, count: int, width: int, name: str) -> NDArray[np.float64]:
    values = np.array(body.split()[: count * width], dtype=np.float64)
    if len(values) < count * width:
        raise ValueError(f"{name} is cut: {count} points are stated")
    return values.reshape(count, width)
