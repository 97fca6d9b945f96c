"""The process that does one phase of one job: ``python -m bench.execution.worker TASK.json``.

A phase gets its own process, so that a crash, a leak or a hang costs one job, and so that a decoder sees the archive
and nothing else. The task file says what to do; the result file is written last, as a whole: no result, no success.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import registry
from bench.codec import Archive, CodecError, Context
from bench.codec.atomic_write import write_atomically
from bench.codec.context import disk_is_full, is_out_of_memory
from bench.codec.errors import DamagedReference, reported_status
from bench.codec.gpu_turn import GpuTurn
from bench.execution.gpu_lease import leased_number
from bench.execution.process_tree import adopt_orphans, kill_descendants, kill_tree
from bench.execution.task import DISK_FULL_EXIT, FAILURE, Task
from bench.results.rows import UNMEASURED

if TYPE_CHECKING:
    from trimesh import Trimesh

PROGRESS_INTERVAL_S = 0.5
END: Any = object()
"""What comes behind the last mesh: a codec may return anything else."""


def encode(task: Task, context: Context) -> dict[str, Any]:
    """Encode the set and write its archive."""
    from bench.planning.references import ReferenceMeshes

    codec = registry.get(task.codec)
    archive = codec.encode(ReferenceMeshes(task.references), codec.rate_type.of(task.settings), context)
    if len(archive.shapes) != len(task.references):
        raise CodecError(f"the codec returned {len(archive.shapes)} parts for {len(task.references)} meshes")
    archive.write(Path(task.archive))
    return {
        "bytes": archive.nbytes,
        "bytes_shared": len(archive.shared),
        "bytes_shape": [len(part) for part in archive.shapes],
        "ledger": archive.ledger,
    }


def prepare(task: Task, context: Context) -> dict[str, Any]:
    """Make what encoding will look for in the cache."""
    from bench.planning.references import ReferenceMeshes

    codec = registry.get(task.codec)
    codec.prepare(ReferenceMeshes(task.references), codec.rate_type.of(task.settings), context)
    return {}


def decode(task: Task, context: Context) -> dict[str, Any]:
    """Decode the archive and write the meshes, each as it comes; the codec's own seconds are counted apart."""
    from bench.planning.references import write_mesh

    archive = Archive.read(Path(task.archive))
    count, vertices, faces, seconds = 0, 0, 0, 0.0
    meshes = itertools.islice(registry.get(task.codec).decode_each(archive, context), len(archive.shapes) + 1)
    while True:
        start = time.perf_counter()
        mesh = next(meshes, END)
        seconds += time.perf_counter() - start
        if mesh is END:
            break
        write_mesh(Path(task.decoded) / f"{count:06d}.npz", mesh)
        count, vertices, faces = count + 1, vertices + len(mesh.vertices), faces + len(mesh.faces)
    if count != len(archive.shapes):
        raise CodecError(f"the codec returned {count} meshes for {len(archive.shapes)} parts")
    return {"codec_s": seconds, "decoded_vertices": vertices, "decoded_faces": faces}


def measure(task: Task, context: Context) -> dict[str, Any]:
    """Measure every decoded mesh against its reference; those that the time does not reach are told."""
    from bench.metrics.protocol import Protocol
    from bench.planning.references import read_mesh, read_reference

    protocol = Protocol(**task.protocol)
    shapes: list[dict[str, Any]] = []
    for index, path in enumerate(task.references):
        if (left := context.remaining()) is not None and left <= 0:
            late = "measure: the job's time is over; --retry-failed measures again, --timeout allows more"
            missing = len(task.references) - index
            return {"shapes": [*shapes, *({"status": FAILURE["measure"], "message": late} for _ in range(missing))]}
        decoded = read_mesh(Path(task.decoded) / f"{index:06d}.npz")
        shapes.append(
            _measure_shape(read_reference(Path(path)), decoded, protocol, task.first + index, context.threads)
        )
        context.progress(index + 1, len(task.references))
    return {"shapes": shapes}


def _measure_shape(reference: Trimesh, decoded: Trimesh, protocol: Any, index: int, threads: int) -> dict[str, Any]:
    """Metrics of one shape, or why it has none: a broken decoded mesh is the codec's fault, all else the harness's."""
    from mesh_datasets.fingerprint import mesh_fingerprint

    from bench.metrics.measure import measure as measure_mesh
    from bench.metrics.point_psnr import check_decoded_points
    from bench.metrics.triangles import EmptySurface, Triangles

    if len(decoded.faces) == 0 or len(decoded.vertices) == 0:
        return {"status": "empty", "message": "the decoder returned no surface"}
    try:
        Triangles.of(decoded, "the decoded mesh")
        check_decoded_points(decoded)
    except EmptySurface as error:
        return {"status": "empty", "message": str(error)}
    except ValueError as error:
        return {"status": "decode_failed", "message": f"the decoded mesh cannot be measured: {error}"}
    try:
        return {
            "status": "ok",
            "message": "",
            "metrics": measure_mesh(reference, decoded, protocol, stream=index, threads=threads),
            "decoded_sha256": mesh_fingerprint(decoded),
        }
    except MemoryError:
        raise
    except Exception as error:
        traceback.print_exc()
        return {"status": FAILURE["measure"], "message": f"measure: {type(error).__name__}: {error}"}


PHASES = {"prepare": prepare, "encode": encode, "decode": decode, "measure": measure}


def main(path: str) -> int:
    """Run the task of file ``path``.

    Returns 0 when a result was written, even one that tells of a failure, and `DISK_FULL_EXIT` when the disk is full:
    that is no fault of the codec and must not become its row.
    """
    task = Task.read(Path(path))
    _die_with_parent()
    with contextlib.ExitStack() as held:
        return _perform(task, GpuTurn(lambda: _take_gpu(task, held)) if task.gpus else None)


def _take_gpu(task: Task, held: contextlib.ExitStack) -> None:
    """Wait for one of the task's GPUs, make it torch's current one, start it."""
    import torch

    from bench.codec.arithmetic import start_device

    task.waiting_path.touch()
    number = held.enter_context(leased_number(task.gpus))
    if task.device != "cpu":  # not by the environment: a package that was imported may have asked the driver before
        torch.cuda.set_device(number)
    start_device(task.device)
    registry.get(task.codec).warm_up(task.device)
    task.waiting_path.unlink()


def _perform(task: Task, gpu: GpuTurn | None) -> int:
    """`main`, in a process that may wait for a GPU."""
    Path(task.scratch).mkdir(parents=True, exist_ok=True)
    context = Context(
        device=task.device,
        seed=task.seed,
        scratch=Path(task.scratch),
        cache=Path(task.cache) if task.cache else None,
        threads=task.threads,
        report=_progress_writer(task.progress_path),
        max_memory=task.max_memory,
        gpu=gpu,
    )
    _limit_threads(task.threads)
    result: dict[str, Any] = {"status": "ok", "message": ""}
    start, cpu = time.perf_counter(), _cpu_seconds()
    try:
        _warm_up(task)
        task.started_path.touch()
        context.deadline = time.monotonic() + task.timeout_s
        start, cpu = time.perf_counter(), _cpu_seconds()
        result.update(PHASES[task.phase](task, context))
    except Exception as error:
        if disk_is_full(error):
            # Removing a file works on a full disk; a codec that happens to exit with the same code removes none.
            task.room_path.unlink(missing_ok=True)
            return DISK_FULL_EXIT
        if not isinstance(error, CodecError):
            traceback.print_exc()
        result.update(status=_status(error, task.phase), message=_message(error, task.phase))
    result["wall_s"] = time.perf_counter() - start - (gpu.waited_s if gpu else 0.0)
    result["cpu_s"] = _cpu_seconds() - cpu - (gpu.waited_cpu_s if gpu else 0.0)
    result["recalled_s"] = sum(filter(_is_time, context.recalled.values()))
    for name, entries in (("cache_made", context.made), ("cache_found", context.found)):
        result[name] = sum(size for size in entries.values() if type(size) is int and size >= 0)
    result["phases"] = {str(name): seconds for name, seconds in context.phases.items() if _is_time(seconds)}
    result["notes"] = {str(name): str(note) for name, note in context.notes.items()}
    result["modes"] = {str(index): str(mode) for index, mode in context.modes.items()}
    result["failures"] = {str(i): [f.status, f.message] for i, f in context.failures.items()}
    write_atomically(Path(task.result), _as_json(result, task.phase), durable=False)
    return 0


def _is_time(seconds: Any) -> bool:
    return isinstance(seconds, int | float) and 0 <= seconds < float("inf")


def _as_json(result: dict[str, Any], phase: str) -> str:
    """The result file. What a codec put in that JSON cannot hold costs its own job."""
    try:
        return json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        clock = {name: result[name] for name in ("wall_s", "cpu_s")}
        message = f"{phase}: what it returned cannot be written down: {error}"
        return json.dumps({**clock, "status": FAILURE[phase], "message": message, "recalled_s": 0.0})


def _status(error: Exception, phase: str) -> str:
    if phase == "measure":
        return FAILURE[phase]
    if isinstance(error, DamagedReference):
        return UNMEASURED  # the supervisor looks for itself
    if is_out_of_memory(error):
        return "out_of_memory"
    return reported_status(error, FAILURE[phase]) if isinstance(error, CodecError) else FAILURE[phase]


def _message(error: Exception, phase: str) -> str:
    if isinstance(error, CodecError):
        return str(error)
    reason = "out of memory" if is_out_of_memory(error) else type(error).__name__
    return f"{phase}: {reason}: {error}" if str(error) else f"{phase}: {reason}"


def _warm_up(task: Task) -> None:
    """Import what the phase needs, so that the clock sees the work alone."""
    import trimesh  # noqa: F401

    if task.phase == "measure":
        from bench.metrics.measure import warm_up

        warm_up()
        return
    device = "cpu" if task.gpus else task.device
    if device != "cpu":
        from bench.codec.arithmetic import start_device

        start_device(device)
    codec = registry.get(task.codec)
    (codec.warm_up_decoder if task.phase == "decode" else codec.warm_up)(device)


def _cpu_seconds() -> float:
    """CPU seconds of this process, its threads and the programs that it ran; other work on the machine is not in it."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _limit_threads(threads: int) -> None:
    """Tell torch; everything else reads the environment that the supervisor set."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def _progress_writer(path: Path) -> Any:
    last = 0.0

    def report(done: int, total: int, note: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_INTERVAL_S:
            last = now
            path.write_text(json.dumps({"done": done, "total": total, "note": note}))

    return report


def _die_with_parent() -> None:
    """Kill this process and its children when the supervisor is gone: its end of our standard input closes."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        kill_tree(os.getpid())

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    adopt_orphans()
    try:
        exit_code = main(sys.argv[1])
    finally:
        kill_descendants()
    sys.exit(exit_code)
