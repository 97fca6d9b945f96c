"""What a codec is: its description, its rates, and the two calls that the harness makes."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from bench.codec.archive import Archive, Part
from bench.codec.context import Context
from bench.codec.did_you_mean import known_names
from bench.codec.errors import CodecError, CorruptArchive, DeadlineExceeded, DecodeFailed, EncodeFailed
from bench.codec.setting_types import check_setting_types

if TYPE_CHECKING:
    from trimesh import Trimesh
    from typing_extensions import Self


Result = TypeVar("Result")


@dataclass(frozen=True)
class Availability:
    """Whether a codec can run here; when not, why not and what the user can do about it."""

    ok: bool
    reason: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        """Reason and remedy as sentences; empty when the codec can run."""
        sentences = (text.strip().rstrip(".") for text in (self.reason, self.remedy))
        return " ".join(f"{text[0].upper()}{text[1:]}." for text in sentences if text)


@dataclass(frozen=True)
class CodecInfo:
    """What a codec is, for people and for the harness. Reading it imports nothing heavy.

    Args:
        name: the name on the command line; lower case.
        version: a change of the bitstream or of the decoded surface changes it (it is part of the job key).
        title: the name in tables and legends.
        summary: one sentence.
        kind: ``mesh`` (keeps triangles), ``points`` (codes a point cloud) or ``neural``.
        licence: licence of the program or package that does the work.
        deterministic: equal input, rate and seed give equal bytes on every machine (such codecs are gated bit-exactly).
        reference: paper, standard or home page.
        devices: what it can use: ``cpu``, ``cuda``.
        external_bytes: size of what the decoder needs beside the archive (a public model that ships with the codec).
    """

    name: str
    version: str
    title: str
    summary: str
    kind: str
    licence: str
    deterministic: bool = True
    reference: str = ""
    devices: tuple[str, ...] = ("cpu",)
    external_bytes: int = 0


@dataclass(frozen=True)
class Rate:
    """A rate point's settings. Each codec derives its own frozen dataclass, which validates itself.

    It holds only what acts on the codec; a setting that has no effect beside another is a ``ValueError`` that names it.
    Defaults on the fields are the codec's defaults; profiles, ladders and ``name:key=value`` variants override them, in
    this order. A setting whose name is a Python keyword has an underscore in Python only: field ``lambda_``, setting
    ``lambda``.
    """

    @classmethod
    def fields(cls) -> dict[str, dataclasses.Field[Any]]:
        """Name of each setting -> its field."""
        return {f.name.removesuffix("_"): f for f in dataclasses.fields(cls)}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Build from plain settings.

        Raises:
            ValueError: naming an unknown key and the known ones, or a value that is not of its field's type.
        """
        known = cls.fields()
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise ValueError(f"unknown setting {', '.join(unknown)}; {known_names(unknown[0], sorted(known))}")
        values = {known[name].name: value for name, value in settings.items()}
        check_setting_types(cls, values)
        return cls(**values)

    def settings(self) -> dict[str, Any]:
        """All settings, as `of` takes them and rows and tables show them."""
        return {name: getattr(self, f.name) for name, f in self.fields().items()}


def parse_value(text: str) -> bool | int | float | str:
    """A setting as the command line writes it: ``3``, ``0.5``, ``on``/``true``, ``off``/``false``; else text."""
    words = {"on": True, "true": True, "off": False, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


class Codec(ABC):
    """A codec of mesh sets. Instances hold no state between calls: encode and decode run in different processes."""

    info: ClassVar[CodecInfo]
    rate_type: ClassVar[type[Rate]]
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Rate label -> the settings in which it differs from the others, from the smallest archive to the largest: used
    where a profile names no rates. What all have in common belongs into the defaults of `rate_type`: a profile's
    settings act only where the ladder does not decide."""
    short_ladder: ClassVar[tuple[str, ...]] = ()
    """Labels of the ladder for profiles that must be quick (``ladder = "short"``); empty: all."""
    asks_for_gpu: ClassVar[bool] = False
    """Whether its encoder calls `Context.take_gpu` before it uses one; else it has one from its start to its end."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions whose versions decide the bytes or the decoded meshes."""

    def availability(self) -> Availability:
        """Say whether the codec can run here. Must be quick and must not raise."""
        return Availability(ok=True)

    def warm_up(self, device: str = "cpu") -> None:  # noqa: B027 - most codecs have nothing to do here
        """Import heavy packages, compile kernels, start ``device``: what a process does once is not timed as work."""

    def warm_up_decoder(self, device: str = "cpu") -> None:
        """As `warm_up`, for a process that decodes: what encoding alone needs may be left out."""
        self.warm_up(device)

    def provenance(self) -> dict[str, str]:
        """Versions and hashes of whatever does the work, for the manifest: by default the installed `packages`."""
        from importlib.metadata import PackageNotFoundError, version

        found = {}
        for package in self.packages:
            with suppress(PackageNotFoundError):
                found[package] = version(package)
        return found

    def expected_seconds(self, rate: Any, shapes: int, context: Context) -> Mapping[str, float]:
        """Phase -> seconds that encoding ``shapes`` shapes will take here, from steps measured now.

        For codecs that take hours: the user is told before the first job starts. Empty where it is not worth a word.
        """
        return {}

    def encodes_shapes_alone(self) -> bool:
        """Whether the archive of some shapes is that of the set without the others."""
        return False

    def decodes_shapes_alone(self) -> bool:
        """Whether some shapes decode as they do among the others, from their own parts and the shared one."""
        return False

    def preparation(self, rate: Any) -> str:
        """Names what `prepare` makes for this rate: two rates with the same name need it once; empty for nothing."""
        return ""

    def prepare(self, meshes: Sequence[Trimesh], rate: Any, context: Context) -> None:  # noqa: B027 - nothing to do
        """Make what encoding a set takes from the cache, for some of its shapes, on the CPU.

        A cluster does this for several portions of a set at a time before the set is encoded.
        """

    @abstractmethod
    def encode(self, meshes: Sequence[Trimesh], rate: Any, context: Context) -> Archive:
        """Code the set at ``rate`` (an instance of `rate_type`).

        A shape that cannot be coded is reported with ``context.fail(index, error)`` and gets an empty part;
        an error that concerns the whole set is raised.
        """

    @abstractmethod
    def decode(self, archive: Archive, context: Context) -> list[Trimesh]:
        """Decode every shape, in order. Called in a fresh process that knows nothing but the archive.

        A shape that cannot be decoded is reported with ``context.fail(index, error)`` and returned as an empty mesh.
        A point-cloud codec puts the decoded points, before any surface is reconstructed, into
        ``mesh.metadata["points"]`` (float (n, 3), normalised coordinates) and its voxel depth into
        ``mesh.metadata["point_bits"]`` (int).
        """

    def decode_each(self, archive: Archive, context: Context) -> Iterator[Trimesh]:
        """As `decode`, mesh after mesh: a large set need not fit into memory where the codec can do without."""
        yield from self.decode(archive, context)


class ShapeCodec(Codec):
    """A codec that treats each mesh alone: the set form is given, and a failed shape costs that shape only.

    Once the deadline has passed, the shapes that are left fail with ``timeout``; what was done before stays.
    """

    def encodes_shapes_alone(self) -> bool:
        """Unless a codec has a way of its own to encode a set."""
        return type(self).encode is ShapeCodec.encode and self.decodes_shapes_alone()

    def decodes_shapes_alone(self) -> bool:
        """Unless a codec has a way of its own to decode a set."""
        return type(self).decode is ShapeCodec.decode and type(self).decode_each is ShapeCodec.decode_each

    @abstractmethod
    def encode_shape(self, mesh: Trimesh, rate: Any, context: Context) -> Part | bytes:
        """Code one mesh."""

    @abstractmethod
    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        """Decode one mesh."""

    def encode(self, meshes: Sequence[Trimesh], rate: Any, context: Context) -> Archive:
        def encoded(index: int) -> Part | bytes:
            return self.encode_shape(meshes[index], rate, context)

        found = _in_time(len(meshes), encoded, EncodeFailed, context)
        parts = [b"" if part is None else part for part in found]
        return Archive(shapes=tuple(part if isinstance(part, Part) else Part(part) for part in parts))

    def decode(self, archive: Archive, context: Context) -> list[Trimesh]:
        return list(_decoded(archive, self.decode_shape, context))

    def decode_each(self, archive: Archive, context: Context) -> Iterator[Trimesh]:
        if type(self).decode is not ShapeCodec.decode:  # a codec's own way to decode counts
            return super().decode_each(archive, context)
        return _decoded(archive, self.decode_shape, context)


class SetCodec(Codec):
    """A codec whose shapes need a part that they share: weights, tables, connectivity.

    Once the deadline has passed, the shapes that are not decoded fail with ``timeout``; the others stay.
    """

    def decodes_shapes_alone(self) -> bool:
        """Unless a codec has a way of its own to decode a set."""
        return type(self).decode is SetCodec.decode and type(self).decode_each is SetCodec.decode_each

    @abstractmethod
    def decode_shared(self, data: bytes, context: Context) -> Any:
        """Decode the shared part. Raises `CorruptArchive`."""

    @abstractmethod
    def decode_shape(self, shared: Any, data: bytes, context: Context) -> Trimesh:
        """Decode one mesh from its own part and what `decode_shared` returned. Raises `CorruptArchive`."""

    def decode(self, archive: Archive, context: Context) -> list[Trimesh]:
        return list(self._each(archive, context))

    def decode_each(self, archive: Archive, context: Context) -> Iterator[Trimesh]:
        if type(self).decode is not SetCodec.decode:
            return super().decode_each(archive, context)
        return self._each(archive, context)

    def _each(self, archive: Archive, context: Context) -> Iterator[Trimesh]:
        shared = None
        # Where every shape failed there is no shared part either.
        if archive.shared.data or any(part.data for part in archive.shapes):
            shared = self.decode_shared(archive.shared.data, context)
        return _decoded(archive, functools.partial(self.decode_shape, shared), context)


def mesh_bytes(mesh: Trimesh) -> int:
    """Memory of a decoded mesh: vertices and faces, and the points that a point-cloud codec adds."""
    arrays = (mesh.vertices, mesh.faces, mesh.metadata.get("points"))
    return sum(int(getattr(array, "nbytes", 0)) for array in arrays)


def _decoded(archive: Archive, decode: Callable[[bytes, Context], Trimesh], context: Context) -> Iterator[Trimesh]:
    """Every shape decoded from its own part; one that fails is noted and comes back empty."""
    import trimesh

    held = 0

    def decoded(index: int) -> Trimesh:
        if not archive.shapes[index].data:
            raise CorruptArchive("nothing is stored for this shape")
        mesh = decode(archive.shapes[index].data, context)
        # A part of a few bytes may be a copy of a large shape: what is allowed is allowed for the whole set.
        context.check_memory(held + mesh_bytes(mesh), archive.nbytes, "the meshes of the set")
        return mesh

    for index, mesh in enumerate(_in_time(len(archive.shapes), decoded, DecodeFailed, context, "decoding")):
        found = trimesh.Trimesh() if mesh is None or index in context.failures else mesh
        held += mesh_bytes(found)
        yield found


def _in_time(
    count: int, work: Callable[[int], Result], otherwise: type[CodecError], context: Context, note: str = ""
) -> Iterator[Result | None]:
    """``work`` for each of ``count`` shapes; None for one that failed, and for those for which no time was left.

    Raises:
        DeadlineExceeded: the time was over before the first shape was done.
    """
    late: DeadlineExceeded | None = None
    for index in range(count):
        result = None
        try:
            if late is None:
                with context.shape(index, otherwise):
                    result = work(index)
        except DeadlineExceeded as error:
            if index == 0:
                raise
            late = error
        if late is not None:
            context.fail(index, late)
        yield result
        context.progress(index + 1, count, note)
