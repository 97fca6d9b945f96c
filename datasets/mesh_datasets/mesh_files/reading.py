"""Reading one mesh from one file, with nothing repaired.

What is done, and all that is done:

* polygons, strips and fans become triangles that stay inside of them, and the parts of a scene are put together in
  their places;
* normals, colours, texture coordinates and materials are dropped;
* where the format gives every corner of a triangle a vertex of its own (STL; OBJ with texture coordinates or normals;
  Draco, glTF and 3MF), vertices of bitwise equal position become one.

Everything else stays as it was: degenerate and duplicate faces, holes, unused vertices, near-duplicate vertices.
"""

from __future__ import annotations

import lzma
import sys
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mesh_datasets.errors import InvalidShape
from mesh_datasets.mesh_files.names import MESH_SUFFIXES, printable
from mesh_datasets.mesh_files.surface import Surface, checked, weld

if TYPE_CHECKING:
    from trimesh import Trimesh

_REMEDY = "where another program opens it, save it anew from there, as binary PLY say"
_DAMAGE = (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, EOFError)
_DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def read_mesh(path: Path) -> Trimesh:
    """Read the triangles of ``path``: float64 (v, 3) vertices in source coordinates, int64 (f, 3) faces.

    Raises:
        InvalidShape: missing, unreadable, at odds with what the file states, of a format that is not read; no faces,
            no area, coordinates that are not finite, indices out of range.
    """
    name, suffix = printable(path), path.suffix.lower()
    if name != str(path):
        encoding = sys.getfilesystemencoding()
        if encoding == "utf-8":
            raise InvalidShape(f"{name}: its name is not UTF-8", "rename it")
        raise InvalidShape(f"{name}: its name is not {encoding}, as file names here are", "set PYTHONUTF8=1")
    if path.name.startswith("._"):
        raise InvalidShape(f"{path}: an attribute file of macOS, no mesh", "delete it; macOS does so with dot_clean")
    if suffix not in MESH_SUFFIXES:
        known = " ".join(sorted(MESH_SUFFIXES))
        raise InvalidShape(
            f"{path}: files of type {suffix or 'no suffix'} are not read", f"convert it to one of: {known}"
        )
    try:
        if path.exists() and not path.is_file():  # a pipe would wait for ever, /dev/zero has no end
            raise InvalidShape(f"{path}: a folder, a pipe or a device, no file")
        with np.errstate(all="ignore"):  # what is not finite is refused below
            surface = _parsed(suffix, path.read_bytes(), path.parent)
    except FileNotFoundError:
        raise InvalidShape(f"{path}: no such file" + (", a link leads nowhere" if path.is_symlink() else "")) from None
    except OSError as error:
        raise InvalidShape(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise InvalidShape(f"{path}: {error}", _REMEDY) from error
    except KeyError as error:
        raise InvalidShape(f"{path}: damaged: it lacks {error}", _REMEDY) from error
    except _DAMAGE as error:
        raise InvalidShape(f"{path}: damaged: {type(error).__name__}: {error}", _REMEDY) from error
    except _DAMAGED_ZIP as error:
        raise InvalidShape(f"{path}: its zip archive is damaged: {error}", _REMEDY) from error
    mesh = checked(surface.vertices, surface.faces, str(path))
    return weld(mesh) if surface.repeats else mesh


def _parsed(suffix: str, data: bytes, folder: Path) -> Surface:
    """What the reader of the format makes of a file's bytes."""
    from mesh_datasets.mesh_files import draco, gltf, obj, off, ply, stl, threemf

    if suffix in (".glb", ".gltf"):
        return gltf.read_gltf(data, folder)
    readers = {
        ".obj": obj.read_obj,
        ".off": off.read_off,
        ".ply": ply.read_ply,
        ".stl": stl.read_stl,
        ".3mf": threemf.read_threemf,
        ".drc": draco.read_draco,
    }
    return readers[suffix](data)
