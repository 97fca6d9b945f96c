"""What a data set is to the rest of the project: a sequence of named shapes that are loaded when asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from mesh_datasets.errors import UnknownDataset

if TYPE_CHECKING:
    from trimesh import Trimesh


@dataclass(frozen=True)
class Shape:
    """One mesh of a data set, not loaded yet. Shapes can be pickled.

    Args:
        name: unique in its set; the same on every machine.
        category: ``human``, ``animal``, ``object``, or the sub-folder for a folder of files.
        stamp: identifies the source without loading it: path, size, modification time and member, or pack hash and
            index. Equal stamps mean equal meshes on one machine; use `mesh_datasets.fingerprint` across machines.
        loader: reads the mesh; called by `load`.
        size: the bytes of the source, or a function that finds them out.
    """

    name: str
    category: str
    stamp: str
    loader: Callable[[], Trimesh] = field(repr=False)
    size: int | Callable[[], int] = field(repr=False)

    def load(self) -> Trimesh:
        """Read the mesh: source coordinates, float64 (v, 3) vertices and int64 (f, 3) faces, nothing repaired.

        Raises:
            InvalidShape: there is no usable mesh; the message names the file.
        """
        return self.loader()

    @property
    def source_bytes(self) -> int:
        """Bytes of the source file, the numerator of the compression ratio; see ``docs/datasets.md``."""
        return self.size() if callable(self.size) else self.size


@dataclass(frozen=True)
class ShapeSet(Sequence[Shape]):
    """A named sequence of shapes.

    Args:
        name: the data set's name, as it stands in rows and tables.
        spec: what was asked for, as given to `mesh_datasets.load`.
        shapes: the shapes, in a fixed order.
        provenance: how the shapes were chosen and from where (plain JSON values), for the manifest.
    """

    name: str
    spec: str
    shapes: tuple[Shape, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for shape in self.shapes:
            if shape.name in seen:
                raise ValueError(f"data set {self.name}: two shapes are named {shape.name}")
            seen.add(shape.name)

    def __len__(self) -> int:
        return len(self.shapes)

    @overload
    def __getitem__(self, index: int) -> Shape: ...
    @overload
    def __getitem__(self, index: slice) -> ShapeSet: ...
    def __getitem__(self, index: int | slice) -> Shape | ShapeSet:
        if isinstance(index, slice):
            return dataclasses.replace(self, shapes=self.shapes[index])
        return self.shapes[index]

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in order of first appearance."""
        return tuple(dict.fromkeys(shape.category for shape in self.shapes))

    @property
    def source_bytes(self) -> int:
        """Bytes of all sources."""
        return sum(shape.source_bytes for shape in self.shapes)

    def take(self, count: int) -> ShapeSet:
        """Choose ``count`` shapes at even spacing, so that a limited set keeps its categories."""
        if count < 1:
            raise UnknownDataset(f"a limit of {count} shapes leaves nothing of data set {self.name}", "give 1 or more")
        total = len(self.shapes)
        if count >= total:
            return self
        chosen = tuple(self.shapes[(2 * i + 1) * total // (2 * count)] for i in range(count))
        return dataclasses.replace(
            self, shapes=chosen, provenance={**self.provenance, "limit": count, "limited_from": total}
        )

    def without(self, names: Iterable[str]) -> ShapeSet:
        """Leave out the named shapes (the invalid ones, say) and record it."""
        dropped = set(names)
        kept = tuple(shape for shape in self.shapes if shape.name not in dropped)
        return dataclasses.replace(self, shapes=kept, provenance={**self.provenance, "left_out": sorted(dropped)})
