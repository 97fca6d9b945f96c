"""Runs one worker process: watches its time and memory, kills it with its children, says how it ended."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.codec.heap import whole_heap
from bench.execution.process_tree import MARK, adopt_orphans, kill_marked, kill_tree, reap
from bench.execution.result import checked_result
from bench.execution.task import DISK_FULL_EXIT, FAILURE, Task
from bench.planning.references import is_damaged
from bench.results.rows import STATUSES, UNMEASURED

POLL_S = 0.1
WATCHING_SHARE = 0.02
"""Of the time that is spent on reading how much memory a worker has: the system lists all its processes for it."""

LONGEST_LOOK_AWAY_S = 1.0
"""A process may take a lot of memory meanwhile."""

START_UP_S = 120.0
"""Time for starting the interpreter and the codec's warm-up, before the job's own time begins."""

GRACE_S = 5.0
"""A worker that is late raises its own error first, with more to say, before it is killed."""

LOG_TAIL = 2000
LARGEST_LOG = 64 << 20
"""Bytes at which the output of a process that prints without end starts anew."""


class Interrupted(Exception):
    """The run was asked to stop while the worker was at work."""


@dataclass(frozen=True)
class Outcome:
    """How a worker process ended.

    Args:
        status: ``ok`` or one of `bench.results.rows.STATUSES`.
        result: what the worker wrote; empty where it did not come so far.
        wall_s: seconds inside the phase, without the start of the interpreter; of the whole process where it died.
        peak_mb: highest resident memory of the process and its children seen, in MiB.
    """

    status: str
    message: str
    wall_s: float
    peak_mb: float
    result: Mapping[str, Any] = field(default_factory=dict)


def run_worker(
    task: Task,
    folder: Path,
    *,
    memory_limit_mb: float | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[float, str], None] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Outcome:
    """Run ``task`` in a process and process group of its own.

    Args:
        folder: where the task file and the log (standard output and error) go.
        memory_limit_mb: resident memory at which the process is killed.
        stop: when set, the process is killed and `Interrupted` raised.
        progress: called with (fraction done, note).
        variables: of the process's environment, besides those of this one.

    Raises:
        Interrupted: ``stop`` was set.
        OSError: the disk is full.
    """
    task_path = folder / f"{task.phase}.task.json"
    log_path = folder / f"{task.phase}.log"
    result_path = Path(task.result)
    result_path.unlink(missing_ok=True)
    task.started_path.unlink(missing_ok=True)
    task.waiting_path.unlink(missing_ok=True)
    task.write(task_path)
    task.room_path.touch()
    start = time.monotonic()
    log_path.unlink(missing_ok=True)
    adopt_orphans()
    mark = uuid.uuid4().hex
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.execution.worker", str(task_path)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**_environment(task.threads), **(variables or {}), MARK: mark},
            start_new_session=True,
        )
        try:
            ending, peak = _watch(process, task, log_path, memory_limit_mb, stop, progress)
        finally:
            descendants = kill_tree(process.pid)
            process.wait()
            kill_marked(mark)
            reap(descendants)
            if process.stdin:
                process.stdin.close()
    wall = time.monotonic() - start
    if ending == "stopped":
        raise Interrupted
    if process.returncode == DISK_FULL_EXIT and not task.room_path.exists():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    if ending:
        return Outcome(_status(ending, task), _explain(ending, task, memory_limit_mb) + _tail(log_path), wall, peak)
    return _read_result(process.returncode, task, log_path, wall, peak)


def _environment(threads: int) -> dict[str, str]:
    count = str(threads)
    return {
        **os.environ,
        **whole_heap(os.environ),
        "OMP_WAIT_POLICY": "passive",
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "NUMBA_NUM_THREADS": count,
        "PYTHONUNBUFFERED": "1",
    }


def _watch(
    process: subprocess.Popen[bytes],
    task: Task,
    log_path: Path,
    memory_limit_mb: float | None,
    stop: threading.Event | None,
    progress: Callable[[float, str], None] | None,
) -> tuple[str, float]:
    """Wait for the process. Returns why it has to be killed (empty: it ended by itself) and its peak memory in MiB."""
    deadline = time.monotonic() + START_UP_S + task.timeout_s + GRACE_S
    started = task.started_path
    running, last = False, time.monotonic()
    watched = psutil.Process(process.pid)
    peak, next_look = 0.0, 0.0
    while True:
        try:
            process.wait(POLL_S)
            return "", peak
        except subprocess.TimeoutExpired:
            pass
        if not running and started.exists():
            running = True
            deadline = time.monotonic() + task.timeout_s + GRACE_S
        now = time.monotonic()
        if task.gpus and task.waiting_path.exists():
            deadline += now - last
        last = now
        if now >= next_look:
            peak = max(peak, _resident_mb(watched))
            next_look = now + min((time.monotonic() - now) / WATCHING_SHARE, LONGEST_LOOK_AWAY_S)
        if stop is not None and stop.is_set():
            return "stopped", peak
        if memory_limit_mb is not None and peak > memory_limit_mb:
            return "out_of_memory", peak
        if now > deadline:
            return "timeout", peak
        if log_path.stat().st_size > LARGEST_LOG:
            os.truncate(log_path, 0)
        if progress:
            _report(task.progress_path, progress)


def _resident_mb(process: psutil.Process) -> float:
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for member in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += member.memory_info().rss
    return total / 2**20


def _report(path: Path, progress: Callable[[float, str], None]) -> None:
    with contextlib.suppress(OSError, ValueError, KeyError, ZeroDivisionError):
        state = json.loads(path.read_text())
        progress(state["done"] / state["total"], state["note"])


def _read_result(code: int, task: Task, log_path: Path, wall: float, peak: float) -> Outcome:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        shapes = None if task.phase == "decode" else len(task.references)
        result = checked_result(json.loads(Path(task.result).read_text()), task.phase, shapes)
        return Outcome(_status(result["status"], task), result["message"], result["wall_s"], peak, result)
    if code == -signal.SIGKILL:
        message = f"{task.phase}: killed by the system, most likely for memory"
        return Outcome(_status("out_of_memory", task), message, wall, peak)
    name = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return Outcome(FAILURE[task.phase], f"{task.phase}: the process ended with {name}{_tail(log_path)}", wall, peak)


def _status(status: str, task: Task) -> str:
    """The status of a phase: no other than the known ones, and whatever breaks a measurement is no codec's fault."""
    if status == "ok":
        return "ok"
    if status == UNMEASURED and task.phase == "encode" and any(map(is_damaged, task.references)):
        return UNMEASURED
    known = task.phase != "measure" and status in STATUSES and status != UNMEASURED
    return status if known else FAILURE[task.phase]


def _explain(ending: str, task: Task, memory_limit_mb: float | None) -> str:
    if ending == "timeout":
        return f"{task.phase}: no end after {task.timeout_s:.0f} s; killed"
    return f"{task.phase}: more than {memory_limit_mb:.0f} MiB of memory; killed (--memory-limit allows more)"


def _tail(log_path: Path) -> str:
    """The end of what the process printed, to go behind a message."""
    with contextlib.suppress(OSError):
        text = log_path.read_bytes()[-LOG_TAIL:].decode(errors="replace").strip()
        return f"; its last output:\n{text}" if text else ""
    return ""
