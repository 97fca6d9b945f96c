"""The contract between the harness and a codec: everything that a codec imports from ``bench``.

A codec codes a *set* of meshes into real bytes and decodes those bytes, in a fresh process, into meshes::

    encode(meshes, rate, context) -> Archive
    decode(archive, context) -> list[Trimesh]        # same order, same length

Meshes are ``trimesh.Trimesh`` objects already normalised into the cube [-1, 1]^3. A codec that treats each mesh
alone derives from `ShapeCodec` and implements ``encode_shape`` and ``decode_shape``.

Importing this module, and any module that defines a codec, must stay cheap: heavy packages are imported inside methods.

Errors::

    CodecError
      Unavailable        the codec cannot run here (missing package, program, checkpoint or device)
      InvalidMesh        a mesh that the codec cannot take
      EncodeFailed       the encoder broke or wrote nothing usable
      DecodeFailed       the decoder broke or returned no usable mesh
      CorruptArchive     the bytes are truncated, altered or not of this codec
      DeadlineExceeded   the time allowed for the job is over
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.context import Context
from bench.errors import (
    CodecError,
    CorruptArchive,
    DeadlineExceeded,
    DecodeFailed,
    EncodeFailed,
    InvalidMesh,
    Unavailable,
)

if TYPE_CHECKING:
    from trimesh import Trimesh

__all__ = [
    "Archive",
    "Availability",
    "Codec",
    "CodecError",
    "CodecInfo",
    "Context",
    "CorruptArchive",
    "DeadlineExceeded",
    "DecodeFailed",
    "EncodeFailed",
    "InvalidMesh",
    "Part",
    "Rate",
    "ShapeCodec",
    "Unavailable",
]

SHARED_FILE = "shared.bin"


@dataclass(frozen=True)
class Part:
    """Some bytes of an archive, and a ledger that says what they are for.

    Args:
        data: the bytes as they lie on disk.
        ledger: component name -> byte count; must sum to ``len(data)``. Default: everything is ``payload``.
    """

    data: bytes
    ledger: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.ledger and self.data:
            object.__setattr__(self, "ledger", {"payload": len(self.data)})
        if sum(self.ledger.values()) != len(self.data) or any(n < 0 for n in self.ledger.values()):
            raise ValueError(f"ledger {dict(self.ledger)} does not add up to the {len(self.data)} bytes of its part")

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class Archive:
    """A coded set: a part that all shapes share (weights, tables) and one part per shape, in input order."""

    shapes: tuple[Part, ...]
    shared: Part = Part(b"")

    @property
    def nbytes(self) -> int:
        """Size in bytes of what lies on disk."""
        return len(self.shared) + sum(len(part) for part in self.shapes)

    @property
    def ledger(self) -> dict[str, int]:
        """Component name -> bytes over the whole archive; sums to `nbytes` exactly."""
        total: dict[str, int] = {}
        for part in (self.shared, *self.shapes):
            for name, count in part.ledger.items():
                total[name] = total.get(name, 0) + count
        return total

    def write(self, folder: Path) -> None:
        """Write the parts, and nothing else, as files of ``folder`` (created; must not hold an archive yet)."""
        folder.mkdir(parents=True, exist_ok=False)
        if self.shared.data:
            (folder / SHARED_FILE).write_bytes(self.shared.data)
        for index, part in enumerate(self.shapes):
            (folder / f"{index:06d}.bin").write_bytes(part.data)

    @classmethod
    def read(cls, folder: Path) -> Archive:
        """Read an archive back from its files. The ledger is not stored: a decoder sees bytes only."""
        if not folder.is_dir():
            raise CorruptArchive(f"no archive at {folder}")
        shared = folder / SHARED_FILE
        names = sorted(p.name for p in folder.glob("[0-9]*.bin"))
        if names != [f"{index:06d}.bin" for index in range(len(names))]:
            raise CorruptArchive(f"{folder}: the shape files are not numbered from 000000.bin without a gap")
        return cls(
            shapes=tuple(Part((folder / name).read_bytes()) for name in names),
            shared=Part(shared.read_bytes() if shared.exists() else b""),
        )


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

    Defaults on the fields are the codec's defaults; profiles, ``name:key=value`` variants and ladders override them.
    """

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Rate:
        """Build from plain settings. Raises ``ValueError`` naming an unknown key and the known ones."""
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise ValueError(f"unknown setting {', '.join(unknown)}; known: {', '.join(sorted(known)) or 'none'}")
        return cls(**settings)


class Codec(ABC):
    """A codec of mesh sets. Instances hold no state between calls: encode and decode run in different processes."""

    info: ClassVar[CodecInfo]
    rate_type: ClassVar[type[Rate]]
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Rate label -> settings, from the smallest archive to the largest: used where a profile names none."""

    def availability(self) -> Availability:
        """Say whether the codec can run here. Must be quick and must not raise."""
        return Availability(ok=True)

    def warm_up(self) -> None:  # noqa: B027 - most codecs have nothing to do here
        """Import heavy packages, compile kernels: what is done once in a process and is not timed with the work."""

    def provenance(self) -> dict[str, str]:
        """Versions and hashes of whatever does the work (packages, programs, checkpoints), for the manifest."""
        return {}

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


class ShapeCodec(Codec):
    """A codec that treats each mesh alone: the set form comes for nothing, a failed shape costs that shape only."""

    @abstractmethod
    def encode_shape(self, mesh: Trimesh, rate: Any, context: Context) -> Part | bytes:
        """Code one mesh."""

    @abstractmethod
    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        """Decode one mesh."""

    def encode(self, meshes: Sequence[Trimesh], rate: Any, context: Context) -> Archive:
        parts = []
        for index, mesh in enumerate(meshes):
            part: Part | bytes = b""
            with context.shape(index, EncodeFailed):
                part = self.encode_shape(mesh, rate, context)
            parts.append(part if isinstance(part, Part) else Part(part))
            context.progress(index + 1, len(meshes))
        return Archive(shapes=tuple(parts))

    def decode(self, archive: Archive, context: Context) -> list[Trimesh]:
        import trimesh

        meshes = []
        for index, part in enumerate(archive.shapes):
            mesh = trimesh.Trimesh()
            with context.shape(index, DecodeFailed):
                if not part.data:
                    raise CorruptArchive("nothing is stored for this shape")
                mesh = self.decode_shape(part.data, context)
            meshes.append(mesh)
            context.progress(index + 1, len(archive.shapes))
        return meshes
