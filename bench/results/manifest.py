"""The columns of ``manifest.json``: what a run was asked for, on which shapes, with what."""

from __future__ import annotations

from typing import Any, TypedDict, cast

from bench.results.typed import Record, conform


class Machine(TypedDict):
    """What a run was made on; see `bench.machine.describe`."""

    cpu: str
    cores: int
    memory_gb: float
    gpu: list[str]
    """One text per GPU: name, driver, memory."""
    os: str
    python: str
    packages: dict[str, str]
    """Package -> version."""
    fingerprint: str
    """Hash of what affects times: CPU, cores, memory, GPU."""


class Git(TypedDict):
    """The checkout that the code ran from."""

    commit: str
    """Empty outside a checkout."""
    dirty: bool
    """Whether it had local changes."""


class Invocation(TypedDict):
    """One command that worked on the run."""

    argv: list[str]
    started: str
    """ISO 8601, UTC."""
    git: Git


class ProtocolEntry(TypedDict):
    """The metric protocol: its identifier, beside it the fields of `bench.metrics.protocol.Protocol`."""

    identifier: str


class ProfileEntry(TypedDict):
    """The profile: its name, beside it the fields of `bench.planning.profile.Profile`."""

    name: str


class ShapeEntry(TypedDict):
    """One shape of a data set."""

    name: str
    dataset: str
    category: str
    source_bytes: int
    sha256: str
    """Fingerprint of the normalised mesh."""
    center: list[float]
    """Centre and scale of the normalisation: source = center + normalised * scale."""
    scale: float


class SkippedShape(TypedDict):
    """A shape that was left out."""

    name: str
    reason: str


class Skipped(TypedDict):
    """A codec or data set that was left out."""

    name: str
    reason: str
    remedy: str


class DatasetEntry(TypedDict):
    """One data set of the run."""

    digest: str
    """Hash of the shapes' content, in order."""
    provenance: dict[str, Any]
    shapes: list[ShapeEntry]
    skipped_shapes: list[SkippedShape]


class CodecEntry(TypedDict):
    """One codec of the run: fields of `bench.codec.CodecInfo`, and the versions of what does the work."""

    version: str
    title: str
    kind: str
    deterministic: bool
    provenance: dict[str, str]


class Manifest(TypedDict):
    """A run's ``manifest.json``."""

    format: int
    created: str
    invocations: list[Invocation]
    argv: list[str]
    """Of the last invocation, as are ``git``, ``machine`` and ``profile``."""
    git: Git
    machine: Machine
    machines: list[Machine]
    """The machines of a merged run."""
    profile: ProfileEntry
    protocol: ProtocolEntry
    seed: int
    device: str
    dataset: str
    """Names of all data sets, comma separated."""
    datasets: dict[str, DatasetEntry]
    shapes: list[ShapeEntry]
    """The shapes of all data sets, one after the other, as are ``skipped_shapes``."""
    skipped_shapes: list[SkippedShape]
    codecs: dict[str, CodecEntry]
    """Codec spec -> what it is."""
    skipped: list[Skipped]


_MACHINE = Record(
    Machine,
    {"cpu": "", "cores": 0, "memory_gb": 0.0, "gpu": [], "os": "", "python": "", "packages": {}, "fingerprint": ""},
)
_GIT = Record(Git, {"commit": "", "dirty": False})
_INVOCATION = Record(Invocation, {"argv": [], "started": "", "git": {}}, {"git": _GIT})
_SHAPE = Record(
    ShapeEntry,
    {"dataset": "", "category": "", "source_bytes": 0, "sha256": "", "center": [0.0, 0.0, 0.0], "scale": 1.0},
)
_SKIPPED_SHAPE = Record(SkippedShape, {"reason": "invalid"})
_DATASET = Record(
    DatasetEntry,
    {"digest": "", "provenance": {}, "shapes": [], "skipped_shapes": []},
    {"shapes": _SHAPE, "skipped_shapes": _SKIPPED_SHAPE},
)
_CODEC = Record(CodecEntry, {"version": "", "title": "", "kind": "", "deterministic": False, "provenance": {}})
_MANIFEST = Record(
    Manifest,
    {
        **{"format": 1, "created": "", "invocations": [], "argv": [], "git": {}, "machine": {}, "machines": []},
        **{"profile": {}, "protocol": {}, "seed": 0, "device": "", "dataset": "", "datasets": {}, "shapes": []},
        **{"skipped_shapes": [], "codecs": {}, "skipped": []},
    },
    {
        **{"invocations": _INVOCATION, "git": _GIT, "machine": _MACHINE, "machines": _MACHINE, "shapes": _SHAPE},
        **{"profile": Record(ProfileEntry, {"name": ""}), "protocol": Record(ProtocolEntry, {"identifier": ""})},
        **{"skipped_shapes": _SKIPPED_SHAPE, "skipped": Record(Skipped, {"reason": "", "remedy": ""})},
    },
    {"datasets": _DATASET, "codecs": _CODEC},
)


def read_manifest(values: object) -> Manifest:
    """A manifest as it was read from JSON, with types checked and absent columns filled.

    Raises:
        bench.results.typed.WrongType: naming the column at fault.
    """
    return cast("Manifest", conform(values, _MANIFEST))
