"""Codecs that misbehave, each in one way, and some that do not: stand-ins for real ones in tests of the harness."""

from __future__ import annotations

import dataclasses
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.codec import (
    Archive,
    Availability,
    CodecInfo,
    Context,
    CorruptArchive,
    DeadlineExceeded,
    InvalidMesh,
    Part,
    Rate,
    SetCodec,
    ShapeCodec,
)


def info(name: str) -> CodecInfo:
    return CodecInfo(name=name, version="1", title=name, summary="a test double", kind="mesh", licence="MIT")


@dataclass(frozen=True)
class Grid(Rate):
    """Vertices rounded to multiples of ``1 / steps``."""

    steps: int = 64

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be positive, not {self.steps}")


class Rounding(ShapeCodec):
    """Works: rounds the vertices to a grid, stores the rest raw, with a checksum."""

    info = info("rounding")
    rate_type = Grid
    ladder = {"g16": {"steps": 16}, "g256": {"steps": 256}}

    def encode_shape(self, mesh, rate, context):
        if len(mesh.faces) == 0 or not np.isfinite(mesh.vertices).all():
            raise InvalidMesh("a mesh without faces, or not finite")
        grid = np.round(np.asarray(mesh.vertices) * rate.steps)
        if np.abs(grid).max() > 32767:
            raise InvalidMesh("a mesh outside the cube")
        counts = np.array([len(mesh.vertices), len(mesh.faces), rate.steps], "<i4")
        with context.phase("rounding"):
            body = grid.astype("<i2").tobytes() + np.asarray(mesh.faces, "<i4").tobytes()
        data = counts.tobytes() + body
        check = np.array([np.frombuffer(data, np.uint8).sum(dtype="<u4")], "<u4").tobytes()
        ledger = {"header": 12, "body": len(body), "checksum": 4}
        return Part(data + check, ledger)

    def decode_shape(self, data, context):
        import trimesh

        if len(data) < 16 or np.frombuffer(data[:-4], np.uint8).sum(dtype="<u4") != np.frombuffer(data[-4:], "<u4")[0]:
            raise CorruptArchive("the checksum does not fit")
        count_v, count_f, steps = np.frombuffer(data[:12], "<i4")
        vertices = np.frombuffer(data, "<i2", 3 * count_v, 12).reshape(-1, 3) / steps
        faces = np.frombuffer(data, "<i4", 3 * count_f, 12 + 6 * count_v).reshape(-1, 3)
        return trimesh.Trimesh(vertices, faces, process=False)


class Counting(Rounding):
    """Works, says how it coded the second shape, and leaves a line in ``BENCH_TEST_COUNTER``'s file for each set."""

    info = info("counting")

    def encode(self, meshes, rate, context):
        with Path(os.environ["BENCH_TEST_COUNTER"]).open("a") as file:
            file.write(f"{rate.steps}\n")
        context.modes[1] = "rounded"
        time.sleep(float(os.environ.get("BENCH_TEST_SLEEP", "0")))
        return super().encode(meshes, rate, context)


class OneRate(Rounding):
    ladder = {"only": {}}


class CrashingEncoder(OneRate):
    def encode(self, meshes, rate, context):
        print("about to abort", flush=True)
        os.abort()


class CrashingDecoder(OneRate):
    def decode(self, archive, context):
        os.abort()


class Hanging(OneRate):
    """Hangs with a child in a session of its own, as an external program would be."""

    def encode(self, meshes, rate, context):
        import subprocess

        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        Path(os.environ["BENCH_TEST_CHILD"]).write_text(str(child.pid))
        while True:
            time.sleep(60)


class Hungry(OneRate):
    def encode(self, meshes, rate, context):
        held = []
        while True:
            held.append(np.ones(2**22))


class Raising(OneRate):
    def encode(self, meshes, rate, context):
        raise RuntimeError("a bug in the codec")


class OnAFullDisk(OneRate):
    def encode_shape(self, mesh, rate, context):
        raise OSError(28, "No space left on device")


class OutOfCudaMemory(OneRate):
    """What torch raises on a GPU, for the whole set."""

    def encode(self, meshes, rate, context):
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")


class TooLargeAShape(OneRate):
    """Memory does not suffice for the second shape."""

    def encode_shape(self, mesh, rate, context):
        if len(mesh.faces) == 256:  # the torus
            raise MemoryError
        return super().encode_shape(mesh, rate, context)


class Lying(OneRate):
    """Gives its failures a status that would spare it the penalty."""

    def encode_shape(self, mesh, rate, context):
        class Excuse(InvalidMesh):
            status = "measure_failed"

        raise Excuse("no fault of mine")


class NotANumber(OneRate):
    def decode_shape(self, data, context):
        mesh = super().decode_shape(data, context)
        mesh.vertices[0, 0] = np.nan
        return mesh


class BadIndex(OneRate):
    def decode_shape(self, data, context):
        mesh = super().decode_shape(data, context)
        mesh.faces = np.asarray(mesh.faces) + len(mesh.vertices)
        return mesh


class BrokenPoints(OneRate):
    def decode_shape(self, data, context):
        mesh = super().decode_shape(data, context)
        mesh.metadata |= {"points": np.full((4, 3), np.nan), "point_bits": 8}
        return mesh


class TooFew(OneRate):
    def decode(self, archive, context):
        return super().decode(archive, context)[:-1]


class NotAMesh(OneRate):
    def decode(self, archive, context):
        return [None for _ in archive.shapes]


class Emptying(OneRate):
    def decode_shape(self, data, context):
        import trimesh

        return trimesh.Trimesh()


class Choosy(OneRate):
    """Refuses the second shape."""

    def encode(self, meshes, rate, context):
        archive = super().encode(meshes, rate, context)
        context.fail(1, InvalidMesh("not this one"))
        return Archive((archive.shapes[0], Part(b""), *archive.shapes[2:]))


class Tiring(OneRate):
    """Its time is over after two shapes the first time, after one the second time, and at the end the third time."""

    def encode(self, meshes, rate, context):
        _count("encode")
        archive = super().encode(meshes, rate, context)
        attempt = len(Path(os.environ["BENCH_TEST_COUNTER"]).read_text().split())
        done = {1: 2, 2: 1}.get(attempt, len(meshes))
        for index in range(done, len(meshes)):
            context.fail(index, DeadlineExceeded("the job's time is over"))
        return Archive((*archive.shapes[:done], *[Part(b"")] * (len(meshes) - done)))


class CountingShapes(OneRate):
    """Leaves a line in ``BENCH_TEST_COUNTER``'s file for each shape."""

    def encode_shape(self, mesh, rate, context):
        _count("shape")
        return super().encode_shape(mesh, rate, context)


class Refusing(OneRate):
    """Codes all shapes but the second."""

    def encode_shape(self, mesh, rate, context):
        if len(mesh.vertices) == 128:
            raise InvalidMesh("not this one")
        return super().encode_shape(mesh, rate, context)


class CrashingOnOne(OneRate):
    """Its encoder takes its process with it at the second shape."""

    def encode_shape(self, mesh, rate, context):
        if len(mesh.vertices) == 128:
            os._exit(7)
        return super().encode_shape(mesh, rate, context)


class Together(SetCodec):
    """Works: all shapes at once, with a shared part, from volumes that it makes beforehand where it may."""

    info = info("together")
    rate_type = Grid
    ladder = {"g16": {"steps": 16}}

    def preparation(self, rate):
        return "volumes"

    def prepare(self, meshes, rate, context):
        _count(f"prepare {len(meshes)}")
        for mesh in meshes:
            context.cached("fit", f"{len(mesh.vertices):016x}", lambda: {"nothing": np.zeros(1)})

    def encode(self, meshes, rate, context):
        _count("encode")
        for mesh in meshes:
            context.cached("fit", f"{len(mesh.vertices):016x}", lambda: _count("late") or {"nothing": np.zeros(1)})
        coded = [Rounding().encode_shape(mesh, rate, context) for mesh in meshes]
        for index in range(len(meshes)):
            context.modes[index] = f"mode {index}"
        return Archive(tuple(coded), Part(b"shared", {"shared": 6}))

    def decode_shared(self, data, context):
        if data != b"shared":
            raise CorruptArchive("the shared part is missing")

    def decode_shape(self, shared, data, context):
        return Rounding().decode_shape(data, context)


def _count(line: str) -> None:
    with Path(os.environ["BENCH_TEST_COUNTER"]).open("a") as file:
        file.write(f"{line}\n")


class Missing(OneRate):
    info = info("missing")

    def availability(self):
        return Availability(False, "the program frobnicate was not found", "Put it on the PATH.")


class Unhurried(OneRate):
    """Runs out of time the first time, and goes on from what it has done the second time."""

    def encode(self, meshes, rate, context):
        state = context.scratch / "state"
        if not state.exists():
            state.write_text("half of it")
            raise DeadlineExceeded("the job's time is over")
        return super().encode(meshes, rate, context)


class Cheating(OneRate):
    """Tries to pass the meshes by the archive: the decoder must not find them."""

    def encode(self, meshes, rate, context):
        (context.scratch / "hidden").write_text("all of it")
        context.cached("fit", "00" * 8, lambda: {"all": np.zeros(1)})
        return super().encode(meshes, rate, context)

    def decode(self, archive, context):
        hidden = list(context.scratch.rglob("hidden")) + ([context.cache] if context.cache else [])
        if hidden:
            raise AssertionError(f"the decoder sees {hidden}")
        return super().decode(archive, context)


class Sharing(Rounding):
    """Its rates share work that takes a third of a second."""

    info = info("sharing")

    def encode(self, meshes, rate, context):
        part = dataclasses.replace(context, report=None)  # as codecs do that report progress of their own
        part.cached("fit", "5a" * 8, _third_of_a_second)
        return super().encode(meshes, rate, context)


def _third_of_a_second():
    time.sleep(0.33)
    return {"nothing": np.zeros(1)}


class Unseeded(OneRate):
    """Writes different bytes each time."""

    def encode_shape(self, mesh, rate, context: Context):
        part = super().encode_shape(mesh, rate, context)
        return Part(part.data[:-4] + os.urandom(1) + part.data[-4:], {"payload": len(part.data) + 1})


class BreaksTheMeasurement(OneRate):
    """Takes the sources away and damages the references in the cache: nothing that a codec is paid for."""

    def decode(self, archive, context):
        meshes = super().decode(archive, context)
        for path in Path(os.environ["BENCH_TEST_SOURCES"]).iterdir():
            path.unlink()
        for path in Path(os.environ["BENCH_TEST_CACHE"]).rglob("meshes/*.npz"):
            path.chmod(0o644)
            path.write_bytes(b"no longer a mesh")
        return meshes


class Trusting(OneRate):
    """Does not notice damage."""

    def decode_shape(self, data, context):
        import trimesh

        return trimesh.creation.box()
