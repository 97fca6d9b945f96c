"""What the harness hands to a codec for one job: device, seed, scratch folder, deadline, phase timer, cache."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codec.atomic_write import replacing
from bench.codec.errors import CodecError, DamagedReference, DeadlineExceeded, OutOfMemory, Unavailable, reported_status
from bench.codec.gpu_turn import GpuTurn
from bench.codec.memory import FLOOR, check_memory
from bench.codec.stored_arrays import read_arrays
from bench.codec.temporary import temporary_folder

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray]


TORCH_OUT_OF_MEMORY = (
    *("CUDA out of memory", "CUDA error: out of memory", "HIP out of memory", "CUBLAS_STATUS_ALLOC_FAILED"),
    *("CUDNN_STATUS_ALLOC_FAILED", "not enough memory", "can't allocate memory"),
)
"""Texts by which torch says so in a plain RuntimeError: allocators of the CPU and of CUDA's libraries."""

DEVICE_FAILED = ("CUDA error:", "HIP error:", "cuDNN error:", "CUDNN_STATUS_", "CUBLAS_STATUS_", "CUDA driver error:")
"""Texts by which torch says in a plain RuntimeError that a device is no longer of use to the process."""


@dataclass(frozen=True)
class Failure:
    """Why a shape has no result."""

    status: str
    message: str


@dataclass
class Context:
    """One job's surroundings. Every field has a default, so that a codec can be used without the harness.

    Args:
        device: ``cpu``, ``cuda``, or one of several: ``cuda:1``.
        seed: all randomness of a codec derives from it.
        scratch: a folder of the job's own for temporary files; it is kept when the job fails.
        deadline: ``time.monotonic()`` at which the job is killed, or None.
        cache: folder of the content-addressed cache, or None for no cache.
        threads: CPU threads that the job may use.
        report: called with (done, total, note) as work goes on.
        max_memory: bytes that decoding may ask for; None: by the length of what is decoded (`bench.codec.memory`).
        gpu: the job's turn at a GPU; None where ``device`` needs none, or is the job's from the start.
    """

    device: str = "cpu"
    seed: int = 0
    scratch: Path = field(default_factory=temporary_folder)
    deadline: float | None = None
    cache: Path | None = None
    threads: int = 1
    report: Callable[[int, int, str], None] | None = None
    max_memory: int | None = None
    gpu: GpuTurn | None = None
    phases: dict[str, float] = field(default_factory=dict)
    recalled: dict[str, float] = field(default_factory=dict)
    """Seconds of each phase that were charged for work that an earlier job had done: the clock does not see them."""
    made: dict[str, int] = field(default_factory=dict)
    """Cache key -> bytes of the entries that this job wrote."""
    found: dict[str, int] = field(default_factory=dict)
    """Cache key -> bytes of the entries that an earlier job had left for this one."""
    failures: dict[int, Failure] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    """Facts about this job that belong into its row (which back end coded the coordinates, say)."""
    modes: dict[int, str] = field(default_factory=dict)
    """How each shape was coded, by its index, where the codec has several ways and chooses for each shape."""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the wall seconds of the block to phase ``name``; waits for the GPU at both ends. Phases do not nest."""
        self._synchronize()
        start = self._clock()
        try:
            yield
            self._synchronize()
        finally:  # after an error there is no wait: on a device that failed it would raise anew, over the first error
            self._charge(name, self._clock() - start)

    def take_gpu(self) -> None:
        """Before `device` is used, in a codec that `asks_for_gpu`: waits for the job's turn; no clock sees the wait."""
        if self.gpu is not None:
            self.gpu.take()

    @contextmanager
    def shape(self, index: int, otherwise: type[CodecError]) -> Iterator[None]:
        """Turn any error of the block into a failure of shape ``index``; an unexpected one counts as ``otherwise``.

        What concerns the whole job (deadline, missing program, a full disk, an altered reference, a device that failed)
        passes through. A shape for which the memory does not suffice fails with the status ``out_of_memory``.
        """
        self.check_deadline()
        try:
            yield
        except (DeadlineExceeded, Unavailable, DamagedReference):
            raise
        except CodecError as error:
            self.fail(index, error)
        except Exception as error:
            if disk_is_full(error) or device_failed(error):
                raise
            text = f"{type(error).__name__}: {error}"
            self.fail(index, OutOfMemory(text) if is_out_of_memory(error) else otherwise(text))

    def fail(self, index: int, error: CodecError) -> None:
        """Record that shape ``index`` failed; the first reason is kept."""
        self.failures.setdefault(index, Failure(reported_status(error, CodecError.status), str(error)))

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Tell how far the work is."""
        if self.report is not None:
            self.report(done, total, note)

    def remaining(self) -> float | None:
        """Seconds until the deadline, or None where there is none."""
        return None if self.deadline is None else self.deadline + self._waited() - time.monotonic()

    def check_deadline(self) -> None:
        """Raise `DeadlineExceeded` once the deadline has passed. Long loops call it."""
        left = self.remaining()
        if left is not None and left <= 0:
            raise DeadlineExceeded("the job's time is over", "allow more with --timeout")

    def check_memory(self, needed: int, coded: int, what: str, floor: int = FLOOR) -> None:
        """Before ``needed`` bytes are allocated for ``coded`` bytes of an archive: raises `CorruptArchive`."""
        check_memory(needed, coded, what, self.max_memory, floor)

    def limit_torch(self) -> None:
        """Let torch use no more than `threads`. Imports torch: for codecs that are about to use it."""
        import torch

        torch.set_num_threads(self.threads)

    def cached(self, phase: str, key: str, compute: Callable[[], Arrays]) -> dict[str, np.ndarray]:
        """Return ``compute()``, or what an earlier job stored under ``key``.

        ``key`` must name everything that the result depends on (use a content hash). Either way phase ``phase``
        is charged with the seconds that the computation took when it was done, so that cached and uncached runs report
        the same cost. A damaged entry is computed anew.
        """
        import numpy as np

        entry = None if self.cache is None else self.cache / key[:2] / f"{key}.npz"
        if entry is not None and entry.exists():
            try:
                arrays, size = read_arrays(entry), entry.stat().st_size
                seconds = float(arrays.pop("__seconds__"))
                self._charge(phase, seconds)
                self.recalled[phase] = self.recalled.get(phase, 0.0) + seconds
                if key not in self.made:
                    self.found[key] = size
                return arrays
            except Exception:  # see `read_arrays`
                entry.unlink(missing_ok=True)
        self._synchronize()
        start = self._clock()
        arrays = {name: np.asarray(value) for name, value in compute().items()}
        self._synchronize()
        seconds = self._clock() - start
        self._charge(phase, seconds)
        if entry is not None:
            # A full disk leaves no entry, no error.
            with suppress(OSError):
                with replacing(entry) as file:
                    np.savez(file, **{**arrays, "__seconds__": np.asarray(seconds)})  # type: ignore[arg-type]
                self.made[key] = entry.stat().st_size
        return arrays

    def _charge(self, phase: str, seconds: float) -> None:
        self.phases[phase] = self.phases.get(phase, 0.0) + seconds

    def _waited(self) -> float:
        return 0.0 if self.gpu is None else self.gpu.waited_s

    def _clock(self) -> float:
        return time.perf_counter() - self._waited()

    def _synchronize(self) -> None:
        if self.gpu is not None and not self.gpu.taken:
            return  # it would start a GPU that another job is using
        if self.device.startswith("cuda") and "torch" in sys.modules:
            sys.modules["torch"].cuda.synchronize(self.device)


def disk_is_full(error: BaseException) -> bool:
    """Whether ``error`` says that nothing more can be written."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory, of the CPU or of a GPU, does not suffice: Python's, numpy's and torch's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in TORCH_OUT_OF_MEMORY)


def device_failed(error: BaseException) -> bool:
    """Whether ``error`` says that a GPU failed: whatever the process asks of it afterwards fails, too."""
    if is_out_of_memory(error):
        return False
    told = isinstance(error, RuntimeError) and any(text in str(error) for text in DEVICE_FAILED)
    return told or type(error).__name__ == "AcceleratorError"
