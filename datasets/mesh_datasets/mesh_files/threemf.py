"""3MF packages: the objects that they build, in whichever parts these are defined."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np

from mesh_datasets.mesh_files.surface import PART, Surface, check_repeated, joined, placed
from mesh_datasets.mesh_files.threemf_model import Model, Object, Reference, parse_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Part = tuple[NDArray[np.float64], NDArray[np.int64]]

_ROOT_TYPE = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_USUAL_ROOT = "3D/3dmodel.model"
_RELATIONS = "_rels/.rels"
_CHUNK = 1 << 16
_MOST_INFLATED = 100
"""Times its own length that a package may hold, beyond what any package may; real ones hold 4 to 20 times."""
_ALWAYS_INFLATED = 16 << 20


def read_threemf(data: bytes) -> Surface:
    """The triangles of all build items, each in its place, in the unit of the file.

    Raises:
        ValueError: naming what is wrong: damaged, objects that are not there or hold themselves, an extension that is
            required and not read, parts that inflate or multiply beyond measure.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        package = _Package(archive, len(data))
        root = package.root()
        items = package.model(root).items
        if not items:
            raise ValueError("it builds nothing")
        check_repeated(sum(package.rows(root, item, ()) for item in items), package.inflated)
        parts: list[Part] = []
        for item in items:
            parts += package.placed(root, item, np.eye(4))
    return joined(parts)


class _Package:
    """The model parts of a package, each read when it is first referred to."""

    def __init__(self, archive: zipfile.ZipFile, length: int) -> None:
        self._archive = archive
        self._members = {_plain(info.filename): info for info in archive.infolist()}
        self._most = max(_MOST_INFLATED * length, _ALWAYS_INFLATED)
        self._models: dict[str, Model] = {}
        self._rows: dict[tuple[str, str], int] = {}
        self.inflated = 0

    def root(self) -> str:
        """The part that the package's relations name, or that is usual."""
        if _plain(_RELATIONS) in self._members:
            relations = ElementTree.fromstring(b"".join(self._content(_RELATIONS)))
            for relation in relations:
                if relation.get("Type") == _ROOT_TYPE:
                    return relation.get("Target", "")
        return _USUAL_ROOT

    def model(self, part: str) -> Model:
        """What a part states; in the unit of the first part."""
        if _plain(part) not in self._models:
            model = parse_model(self._content(part))
            first = next(iter(self._models.values()), model)
            if model.unit != first.unit:
                raise ValueError(f"its parts are in {first.unit} and {model.unit}")
            self._models[_plain(part)] = model
        return self._models[_plain(part)]

    def rows(self, part: str, reference: Reference, above: tuple[tuple[str, str], ...]) -> int:
        """What a reference counts; see `check_repeated`."""
        key, found = self._find(part, reference)
        if key in above:
            raise ValueError(f"object {reference.object_id} holds itself")
        if key not in self._rows:
            inside = sum(self.rows(key[0], component, (*above, key)) for component in found.components)
            self._rows[key] = PART + len(found.vertices) // 3 + len(found.triangles) + inside
        return self._rows[key]

    def placed(self, part: str, reference: Reference, above: NDArray[np.float64]) -> Iterator[Part]:
        """The meshes that a reference makes; ``above`` (4, 4) leads from its coordinates to the build's."""
        key, found = self._find(part, reference)
        matrix = above @ _matrix(reference)
        if found.has_mesh:
            vertices = np.array(found.vertices, dtype=np.float64).reshape(-1, 3)
            faces = np.array(found.triangles, dtype=np.int64).reshape(-1, 3)
            if len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices):
                raise ValueError(f"object {reference.object_id} has indices beyond its {len(vertices):,} vertices")
            yield placed(vertices, faces, matrix)
        for component in found.components:
            yield from self.placed(key[0], component, matrix)

    def _find(self, part: str, reference: Reference) -> tuple[tuple[str, str], Object]:
        part = reference.part or part
        found = self.model(part).objects.get(reference.object_id)
        if found is None or not (found.has_mesh or found.components):
            what = "is not there" if found is None else "has neither a mesh nor components"
            raise ValueError(f"object {reference.object_id} of {part} {what}")
        return (_plain(part), reference.object_id), found

    def _content(self, part: str) -> Iterator[bytes]:
        """The bytes of a part, bit by bit.

        Raises:
            ValueError: there is no such part, or all parts so far are too long for the package.
        """
        member = self._members.get(_plain(part))
        if member is None:
            raise ValueError(f"it has no part {part}")
        self.inflated += member.file_size
        if self.inflated > self._most:
            raise ValueError(f"its parts inflate to more than {self._most:,} bytes")
        with self._archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk


def _plain(part: str) -> str:
    """A part's name such that equal parts have equal names: neither case nor the escaping of blanks counts."""
    return unquote(part).lstrip("/").lower()


def _matrix(reference: Reference) -> NDArray[np.float64]:
    matrix = np.eye(4)
    if reference.transform:
        matrix[:3] = np.reshape(reference.transform, (4, 3)).T
    return matrix
