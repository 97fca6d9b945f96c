"""Coded bytes: the parts of an archive, what each byte is for, and its files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.codec.errors import CorruptArchive

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
    def read(cls, folder: Path, chosen: slice = slice(None)) -> Archive:
        """Read an archive back from its files, or some of its shapes. No ledger is stored: decoders see bytes only."""
        if not folder.is_dir():
            raise CorruptArchive(f"no archive at {folder}")
        shared = folder / SHARED_FILE
        names = sorted(p.name for p in folder.glob("[0-9]*.bin"))
        if names != [f"{index:06d}.bin" for index in range(len(names))]:
            raise CorruptArchive(f"{folder}: the shape files are not numbered from 000000.bin without a gap")
        names = names[chosen]
        for path in [shared, *(folder / name for name in names)]:
            if path.is_symlink() or (path.exists() and not path.is_file()):  # leads elsewhere, or never ends
                raise CorruptArchive(f"{path} is a link, a pipe or a folder, no file of an archive")
        return cls(
            shapes=tuple(Part((folder / name).read_bytes()) for name in names),
            shared=Part(shared.read_bytes() if shared.exists() else b""),
        )

    def check_holds(self, indices: Iterable[int]) -> None:
        """Raise `CorruptArchive` where it has no part of that index."""
        for index in indices:
            if not 0 <= index < len(self.shapes):
                raise CorruptArchive(f"the archive has {len(self.shapes)} shapes and none of index {index}")


def digest(folder: Path) -> str:
    """sha256 over the names, sizes and bytes of the files of an archive; of what is no file, over its name."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():  # no archive has such, so the hash is that of no archive
            digest.update(f"{path.name} is no file\n".encode())
            continue
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
