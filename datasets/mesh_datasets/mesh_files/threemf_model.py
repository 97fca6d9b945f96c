"""One model part of a 3MF package: its objects and what it builds, read as a stream."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

_READ = (
    "http://schemas.microsoft.com/3dmanufacturing/core/",
    "http://schemas.microsoft.com/3dmanufacturing/material/",
    "http://schemas.microsoft.com/3dmanufacturing/production/",
    "http://schemas.microsoft.com/3dmanufacturing/trianglesets/",
)
"""How the namespaces begin of extensions that may be required."""


@dataclass(frozen=True)
class Reference:
    """An object that is put somewhere.

    Args:
        part: the model part that defines it; empty for the part that refers to it.
        object_id: its id there.
        transform: twelve numbers, row by row of a (4, 3) matrix; empty for none.
    """

    part: str
    object_id: str
    transform: tuple[float, ...]


@dataclass(frozen=True)
class Object:
    """A mesh (coordinates and indices, three each), or a group of other objects, or neither."""

    vertices: array[float] = field(default_factory=lambda: array("d"))
    triangles: array[int] = field(default_factory=lambda: array("q"))
    components: list[Reference] = field(default_factory=list)
    has_mesh: list[bool] = field(default_factory=list)


@dataclass
class Model:
    """What a part states."""

    unit: str = "millimeter"
    objects: dict[str, Object] = field(default_factory=dict)
    items: list[Reference] = field(default_factory=list)


def parse_model(chunks: Iterator[bytes]) -> Model:
    """Read the XML of a model part; no more of it is kept than the numbers.

    Raises:
        ValueError: damaged XML, a document type, an extension that is required and not read, beams.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.StartNamespaceDeclHandler = reader.namespace
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ValueError(f"its XML is damaged: {error}") from None
    return reader.model


def _refuse_doctype(*_: object) -> None:
    raise ValueError("its XML declares a document type, which 3MF forbids")


class _Reader:
    """Takes the elements as they come."""

    def __init__(self) -> None:
        self.model = Model()
        self._object = Object()
        self._prefixes: dict[str, str] = {}

    def namespace(self, prefix: str | None, uri: str) -> None:
        self._prefixes[prefix or ""] = uri or ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        # In the order of frequency: a model has millions of triangles.
        kind = name.rpartition(" ")[2]
        if kind == "triangle":
            self._object.triangles.extend((int(attributes["v1"]), int(attributes["v2"]), int(attributes["v3"])))
        elif kind == "vertex":
            self._object.vertices.extend((float(attributes["x"]), float(attributes["y"]), float(attributes["z"])))
        elif kind == "object":
            self._object = Object()
            if self.model.objects.setdefault(attributes["id"], self._object) is not self._object:
                raise ValueError(f"object {attributes['id']} is defined twice")
        elif kind == "mesh":
            self._object.has_mesh.append(True)
        elif kind == "component":
            self._object.components.append(_reference(attributes))
        elif kind == "item":
            self.model.items.append(_reference(attributes))
        elif kind == "beam":
            raise ValueError("it holds beams; triangles alone are read")
        elif kind == "model":
            self.model.unit = attributes.get("unit", self.model.unit)
            for prefix in attributes.get("requiredextensions", "").split():
                if not self._prefixes.get(prefix, "").startswith(_READ):
                    raise ValueError(f"the extension {self._prefixes.get(prefix, prefix)} is required and not read")


def _reference(attributes: dict[str, str]) -> Reference:
    part = next((value for name, value in attributes.items() if name.rpartition(" ")[2] == "path"), "")
    transform = tuple(float(number) for number in attributes.get("transform", "").split())
    if len(transform) not in (0, 12):
        raise ValueError(f"a transform has {len(transform)} numbers instead of 12")
    return Reference(part, attributes["objectid"], transform)
