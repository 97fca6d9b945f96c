from __future__ import annotations

import time

import numpy as np
import pytest
import trimesh

from bench.codec import (
    Archive,
    Context,
    CorruptArchive,
    DeadlineExceeded,
    EncodeFailed,
    InvalidMesh,
    OutOfMemory,
    Part,
    Unavailable,
)
from bench.codec.context import is_out_of_memory
from tests.bench.doubles import Grid, Rounding


def test_a_ledger_that_does_not_add_up_is_refused():
    assert Part(b"abc").ledger == {"payload": 3}
    with pytest.raises(ValueError, match="does not add up"):
        Part(b"abc", {"header": 1, "body": 1})
    with pytest.raises(ValueError, match="does not add up"):
        Part(b"abc", {"header": 4, "body": -1})


def test_an_archive_is_its_files(tmp_path):
    archive = Archive((Part(b"one", {"a": 3}), Part(b""), Part(b"three", {"a": 1, "b": 4})), Part(b"shared", {"c": 6}))
    archive.write(tmp_path / "x")
    assert sum(path.stat().st_size for path in (tmp_path / "x").iterdir()) == archive.nbytes == 14
    assert archive.ledger == {"c": 6, "a": 4, "b": 4}
    back = Archive.read(tmp_path / "x")
    assert [part.data for part in back.shapes] == [b"one", b"", b"three"]
    assert back.shared.data == b"shared"


def test_an_archive_with_a_gap_is_corrupt(tmp_path):
    Archive((Part(b"a"), Part(b"b"))).write(tmp_path / "x")
    (tmp_path / "x" / "000000.bin").unlink()
    with pytest.raises(CorruptArchive):
        Archive.read(tmp_path / "x")
    with pytest.raises(CorruptArchive):
        Archive.read(tmp_path / "y")


def test_the_set_form_keeps_order_and_failed_shapes_apart():
    good, bad = trimesh.creation.box(), trimesh.Trimesh()
    context = Context()
    archive = Rounding().encode([good, bad, good], Grid(), context)
    assert context.failures[1].status == "invalid_mesh"
    decoding = Context()
    decoded = Rounding().decode(archive, decoding)
    assert [len(mesh.faces) for mesh in decoded] == [12, 0, 12]
    assert list(decoding.failures) == [1]


def test_phases_add_up_and_run_on_when_the_block_fails():
    context = Context()
    with context.phase("fit"):
        time.sleep(0.01)
    with pytest.raises(ZeroDivisionError), context.phase("fit"):
        1 / 0  # noqa: B018
    assert context.phases["fit"] >= 0.01


def test_cached_work_is_done_once_and_charged_twice(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        time.sleep(0.02)
        return {"x": np.arange(5)}

    for number in range(2):
        context = Context(cache=tmp_path)
        np.testing.assert_array_equal(context.cached("fit", "abcd", compute)["x"], np.arange(5))
        assert context.phases["fit"] >= 0.02
        assert (context.recalled.get("fit", 0) >= 0.02) == (number == 1)
    assert len(calls) == 1
    next(tmp_path.rglob("*.npz")).write_bytes(b"PK damaged")
    assert len(Context(cache=tmp_path).cached("fit", "abcd", compute)["x"]) == 5
    assert len(calls) == 2


def test_errors_that_concern_the_job_pass_through_a_shape():
    context = Context()
    for error in (DeadlineExceeded("late"), Unavailable("gone"), OSError(28, "No space left on device")):
        with pytest.raises(type(error)), context.shape(0, EncodeFailed):
            raise error
    with context.shape(1, EncodeFailed):
        raise InvalidMesh("empty")
    with context.shape(2, EncodeFailed):
        raise RuntimeError("a bug")
    assert {index: failure.status for index, failure in context.failures.items()} == {
        1: "invalid_mesh",
        2: "encode_failed",
    }


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:115] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: not enough memory: you tried"),
        OutOfMemory("a program said so"),
    ],
)
def test_a_shape_for_which_memory_does_not_suffice_says_so(error):
    context = Context()
    with context.shape(0, EncodeFailed):
        raise error
    assert context.failures[0].status == "out_of_memory"


def test_torch_and_numpy_are_recognised_when_they_run_out_of_memory():
    import torch

    with pytest.raises(RuntimeError) as cpu:
        torch.empty(1 << 60, dtype=torch.uint8)
    with pytest.raises(MemoryError) as array:
        np.empty(1 << 60, np.uint8)
    assert is_out_of_memory(cpu.value)
    assert is_out_of_memory(array.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("a bug"))


def test_a_deadline_that_has_passed_is_noticed():
    context = Context(deadline=time.monotonic() - 1)
    with pytest.raises(DeadlineExceeded):
        context.check_deadline()
    Context().check_deadline()


def test_unknown_settings_are_named():
    with pytest.raises(ValueError, match="unknown setting bits; known: steps"):
        Grid.of({"bits": 3})
