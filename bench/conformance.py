"""The conformance kit: does a codec keep the contract? Every step runs in a process of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import registry
from bench.codec import Archive, Part
from bench.execution.supervisor import Outcome, run_worker
from bench.execution.task import Task
from bench.planning.jobs import ladder
from bench.planning.profile import Profile
from bench.results.spec import CodecSpec, InvalidSpec

if TYPE_CHECKING:
    from trimesh import Trimesh

TIMEOUT_S = 900.0
MUST_REFUSE = ("no faces", "not a number")
REFUSALS = ("corrupt", "decode_failed", "invalid_mesh")
"""Statuses by which a decoder may refuse damaged bytes."""


@dataclass(frozen=True)
class Verdict:
    """How one check ended."""

    name: str
    ok: bool
    detail: str = ""


@dataclass
class Kit:
    """Runs one codec at one rate on meshes of the kit's own."""

    codec: str
    settings: dict[str, Any]
    device: str
    folder: Path
    count: int = field(default=0)

    def encode(self, meshes: Sequence[Trimesh], timeout_s: float = TIMEOUT_S, seed: int = 0) -> tuple[Outcome, Path]:
        """Encode in a fresh process; returns how that ended and the folder of the archive."""
        from bench.planning.references import write_mesh

        self.count += 1
        folder = self.folder / f"{self.count:03d}"
        paths = []
        for index, mesh in enumerate(meshes):
            path = folder / "input" / f"{index:06d}.npz"
            write_mesh(path, mesh)
            paths.append(str(path))
        folder.mkdir(parents=True, exist_ok=True)
        task = replace(self._task("encode", folder), references=tuple(paths), settings=self.settings, seed=seed)
        return run_worker(replace(task, timeout_s=timeout_s), folder), folder / "archive"

    def decode(self, archive: Path) -> tuple[Outcome, list[Trimesh]]:
        """Decode in a fresh process; returns how that ended and the meshes."""
        from bench.planning.references import read_mesh

        outcome = run_worker(self._task("decode", archive.parent), archive.parent)
        return outcome, [read_mesh(path) for path in sorted((archive.parent / "decoded").glob("*.npz"))]

    def damaged(self, archive: Path, damage: Callable[[bytes], bytes]) -> Path:
        """A copy of the archive with one part damaged: the shared one where there is one, else the first shape's."""
        self.count += 1
        copy = self.folder / f"{self.count:03d}" / "archive"
        whole = Archive.read(archive)
        if whole.shared.data:
            broken = replace(whole, shared=Part(damage(whole.shared.data)))
        else:
            broken = replace(whole, shapes=(Part(damage(whole.shapes[0].data)), *whole.shapes[1:]))
        broken.write(copy)
        return copy

    def _task(self, phase: str, folder: Path) -> Task:
        return Task(
            phase=phase,
            codec=self.codec,
            archive=str(folder / "archive"),
            decoded=str(folder / "decoded"),
            scratch=str(folder / "scratch" / phase),
            result=str(folder / f"{phase}.json"),
            device=self.device,
            timeout_s=TIMEOUT_S,
        )


def check(spec: CodecSpec, rate: str | None = None, device: str = "cpu") -> Iterator[Verdict]:
    """Run all checks on the codec of ``spec`` and yield a verdict for each as it is reached.

    Raises:
        bench.results.spec.InvalidSpec: a setting that the codec does not have, or a rate not in its ladder.
    """
    codec = registry.get(spec.name)
    rates = ladder(spec, codec, Profile(name="conformance"))
    label = rate or next(iter(rates))
    if label not in rates:
        raise InvalidSpec(f"codec {spec.name} has no rate {label!r}; its ladder: {', '.join(rates)}")
    folder = Path(tempfile.mkdtemp(prefix="bench-conformance-"))
    try:
        kit = Kit(spec.name, rates[label], device, folder)
        yield _describes_itself(spec.name)
        yield from _round_trip(kit, codec.info.deterministic)
        yield from _odd_meshes(kit)
        yield _keeps_deadline(kit)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def meshes() -> list[Trimesh]:
    """A sphere, a torus and a box: closed, of different sizes, far apart in surface distance."""
    import trimesh

    box = trimesh.creation.box((2.0, 0.5, 1.0)).subdivide().subdivide().subdivide()
    return [
        trimesh.creation.icosphere(subdivisions=3, radius=1.0),
        trimesh.creation.torus(0.7, 0.3),
        trimesh.Trimesh(box.vertices, box.faces, process=False),
    ]


def odd_meshes() -> dict[str, Trimesh]:
    """Meshes that a codec must code or refuse, but never break on."""
    import numpy as np
    import trimesh

    triangle = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    axis = np.linspace(-1, 1, 12)
    sheet = np.stack([*np.meshgrid(axis, axis), np.zeros((12, 12))], axis=-1).reshape(-1, 3)
    corner = np.array([[r * 12 + c for c in range(11)] for r in range(11)]).ravel()
    sheet_faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 13], 1), np.stack([corner, corner + 13, corner + 12], 1)]
    )
    fan = np.array([[0, 0, -1], [0, 0, 1], [1, 0, 0], [0, 1, 0], [-1, 0, 0]], float)
    sphere = trimesh.creation.icosphere(subdivisions=2)

    def make(vertices: Any, faces: Any) -> Trimesh:
        return trimesh.Trimesh(np.asarray(vertices, float), np.asarray(faces), process=False)

    broken = np.array(sphere.vertices)
    broken[7] = np.nan
    return {
        "no faces": trimesh.Trimesh(),
        "one triangle": make(triangle, [[0, 1, 2]]),
        "open sheet": make(sheet, sheet_faces),
        "non-manifold fan": make(fan, [[0, 1, 2], [0, 1, 3], [0, 1, 4]]),
        "degenerate faces": make(sphere.vertices, np.concatenate([sphere.faces, [[0, 0, 1], [2, 2, 2]]])),
        "tiny": make(sphere.vertices * 1e-6, sphere.faces),
        "huge": make(sphere.vertices * 1e6, sphere.faces),
        "not a number": make(broken, sphere.faces),
    }


def _describes_itself(name: str) -> Verdict:
    info = registry.get(name).info
    missing = [key for key in ("name", "version", "title", "summary", "kind", "licence") if not getattr(info, key)]
    known = info.kind in ("mesh", "points", "neural")
    detail = f"empty: {', '.join(missing)}" if missing else "" if known else f"unknown kind {info.kind!r}"
    return Verdict("describes itself", not detail, detail)


def _round_trip(kit: Kit, deterministic: bool) -> Iterator[Verdict]:
    originals = meshes()
    outcome, archive = kit.encode(originals)
    yield _verdict("encodes a set", outcome)
    if outcome.status != "ok":
        return
    on_disk = sum(path.stat().st_size for path in archive.iterdir())
    ledger = outcome.result["ledger"]
    yield Verdict("ledger sums to the bytes on disk", sum(ledger.values()) == on_disk, f"{ledger}, {on_disk} on disk")
    decoded_outcome, decoded = kit.decode(archive)
    yield _verdict("decodes it in a fresh process", decoded_outcome)
    yield _keeps_order(originals, decoded)
    again, second = kit.encode(originals)
    same = again.status == "ok" and Archive.read(second) == Archive.read(archive)
    yield Verdict("same seed, same bytes" if deterministic else "same seed, same machine, same bytes", same)
    yield from _refuses_damage(kit, archive)
    empty, nothing = kit.encode([])
    if empty.status == "ok":
        empty, decoded = kit.decode(nothing)
    yield _verdict("empty set", empty)


def _keeps_order(originals: Sequence[Trimesh], decoded: Sequence[Trimesh]) -> Verdict:
    """Each decoded mesh must be nearer to its own original than to the others."""
    from bench.metrics.measure import measure
    from bench.metrics.protocol import Protocol

    if len(decoded) != len(originals):
        return Verdict("keeps the order", False, f"{len(decoded)} meshes for {len(originals)}")
    protocol = Protocol(samples=2000)
    try:
        errors = [[measure(a, b, protocol)["surface_cd"] for a in originals] for b in decoded]
    except ValueError as error:
        return Verdict("keeps the order", False, str(error))
    nearest = [row.index(min(row)) for row in errors]
    own = ", ".join(f"{row[index]:.2f}" for index, row in enumerate(errors))
    return Verdict("keeps the order", nearest == list(range(len(originals))), f"surface error {own} (1e-3)")


def _refuses_damage(kit: Kit, archive: Path) -> Iterator[Verdict]:
    damages: dict[str, Callable[[bytes], bytes]] = {
        "cut by one byte": lambda data: data[:-1],
        "cut in half": lambda data: data[: len(data) // 2],
        "emptied": lambda data: b"",
        "first byte flipped": lambda data: bytes([data[0] ^ 0xFF]) + data[1:],
        "a bit in the middle flipped": lambda data: _flip(data, len(data) // 2),
        "replaced by noise": lambda data: bytes((i * 167 + 13) % 251 for i in range(len(data))),
    }
    for name, damage in damages.items():
        outcome, _ = kit.decode(kit.damaged(archive, damage))
        statuses = [outcome.status, *(status for status, _ in outcome.result.get("failures", {}).values())]
        refused = any(status in REFUSALS for status in statuses) and bool(outcome.result)
        detail = outcome.message or next(
            (text for _, text in outcome.result.get("failures", {}).values()), "not noticed"
        )
        yield Verdict(f"refuses an archive: {name}", refused, detail)


def _flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]


def _odd_meshes(kit: Kit) -> Iterator[Verdict]:
    """Between two good meshes, so that a refusal is seen to cost nothing but its own shape."""
    good = meshes()[0]
    for name, odd in odd_meshes().items():
        outcome, archive = kit.encode([good, odd, good])
        decoded: list[Trimesh] = []
        failures = dict(outcome.result.get("failures", {}))
        if outcome.status == "ok":
            outcome, decoded = kit.decode(archive)
            failures = {**outcome.result.get("failures", {}), **failures}
        yield _judge_odd(name, outcome, failures, decoded)


def _judge_odd(name: str, outcome: Outcome, failures: dict[str, Any], decoded: Sequence[Trimesh]) -> Verdict:
    import numpy as np

    title = f"odd mesh: {name}"
    if outcome.status != "ok" or set(failures) - {"1"}:
        return Verdict(title, False, outcome.message or f"the good shapes beside it failed: {failures}")
    if "1" in failures:
        return Verdict(title, True, f"refused: {failures['1'][1]}")
    if name in MUST_REFUSE:
        return Verdict(title, False, "was coded, must be refused")
    finite = bool(np.isfinite(decoded[1].vertices).all())
    return Verdict(
        title, finite, f"coded, {len(decoded[1].faces)} faces came back" if finite else "came back not finite"
    )


def _keeps_deadline(kit: Kit) -> Verdict:
    outcome, _ = kit.encode(meshes(), timeout_s=0.05)
    within = outcome.status in ("ok", "timeout") and outcome.wall_s < 30
    return Verdict("keeps its deadline", within, f"{outcome.status} after {outcome.wall_s:.1f} s")


def _verdict(name: str, outcome: Outcome) -> Verdict:
    failures = outcome.result.get("failures", {})
    detail = outcome.message or next((text for _, text in failures.values()), "")
    return Verdict(name, outcome.status == "ok" and not failures, detail)
