"""Decoding in a process of its own that is watched: how it ended, how long it took, how much memory it took."""

from __future__ import annotations

import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.codec import Context, UserError

SECONDS = 30
"""CPU seconds that a case may take, and four times that on the wall; the slowest valid one takes less than one."""

ADDRESS_SPACE = 4 << 30
GROWTH_MB = 700
"""Resident memory that a case may add: the floor of `bench.codec.memory` and some."""

CLEAN, REFUSED = "clean", "refused"


@dataclass(frozen=True)
class Verdict:
    """How a case ended: `CLEAN`, `REFUSED`, or what must not be, with its traceback."""

    kind: str
    text: str = ""
    grown_mb: float = 0.0

    @property
    def fault(self) -> str:
        """What is wrong with it; empty where nothing is."""
        if self.kind not in (CLEAN, REFUSED):
            return f"{self.kind}\n{self.text}"
        return f"it took {self.grown_mb:.0f} MiB of memory" if self.grown_mb > GROWTH_MB else ""


class Late(BaseException):
    """A case took too long."""


class Worker:
    """A process that decodes case after case; a new one takes its place when it dies.

    Args:
        decode: decodes a case, or raises.
        prepare: called in the process before the first case.
    """

    def __init__(self, decode: Callable[[Any, Context], object], prepare: Callable[[], None]) -> None:
        self._decode, self._prepare = decode, prepare
        self._start()

    def _start(self) -> None:
        forked = get_context("fork")
        self._pipe, end = forked.Pipe()
        self._process = forked.Process(target=_serve, args=(end, self._pipe, self._decode, self._prepare), daemon=True)
        self._process.start()
        end.close()

    def __call__(self, case: Any) -> Verdict:
        self._pipe.send(case)
        try:
            if self._pipe.poll(4 * SECONDS):
                return self._pipe.recv()
            verdict = Verdict("a hang that no signal ends")
        except (EOFError, ConnectionResetError):
            self._process.join(10)
            verdict = Verdict(f"the process died with {self._process.exitcode}")
        self.close()
        self._start()
        return verdict

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _serve(pipe: Any, theirs: Any, decode: Callable[[Any, Context], object], prepare: Callable[[], None]) -> None:
    theirs.close()  # so that the end of the tests is the end of the pipe
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, _late)
    prepare()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, used + ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            case = pipe.recv()
        except EOFError:
            return
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        Path("/proc/self/clear_refs").write_text("5")
        before = _memory_mb("VmRSS")
        kind, text = _ended(decode, case, folder)
        shutil.rmtree(folder, ignore_errors=True)
        pipe.send(Verdict(kind, text, _memory_mb("VmHWM") - before))


def _ended(decode: Callable[[Any, Context], object], case: Any, folder: Path) -> tuple[str, str]:
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # the machine may be busy with other things
    start = time.process_time()
    try:
        decode(case, Context(scratch=folder))
    except UserError as error:
        return REFUSED, str(error)
    except BaseException as error:
        return f"{type(error).__name__} after {time.process_time() - start:.1f} CPU s", traceback.format_exc()[-3000:]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return CLEAN, ""


def _memory_mb(field: str) -> float:
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) / 1024


def _late(*_: object) -> None:
    raise Late
