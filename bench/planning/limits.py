"""What a job may use: threads, memory, time."""

from __future__ import annotations

from dataclasses import dataclass, field

TASK_SHAPES = 50
"""Shapes of a set that are one task of a cluster: to start a task's processes takes as long as to measure a dozen."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds that one job may spend in each of its processes.

    Args:
        encode, decode, measure: for a set of up to ``shapes`` shapes; a larger one gets more in proportion.
        shapes: how many shapes these seconds are for.
    """

    encode: float = 3600.0
    decode: float = 1800.0
    measure: float = 1800.0
    shapes: int = 48

    def __post_init__(self) -> None:
        if not isinstance(self.shapes, int) or isinstance(self.shapes, bool) or self.shapes < 1:
            raise ValueError(f"timeout_s.shapes must be a whole number from 1 on, not {self.shapes!r}")
        for name in ("encode", "decode", "measure"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
                raise ValueError(f"timeout_s.{name} must be a finite number of seconds above 0, not {value!r}")

    def of(self, phase: str, shapes: int) -> float:
        """Seconds that ``phase`` (encode, decode or measure) of a job of so many shapes may take."""
        seconds: float = getattr(self, phase)
        return seconds * max(1.0, shapes / self.shapes)


@dataclass(frozen=True)
class Limits:
    """What one job may use.

    Args:
        threads: CPU threads.
        memory_mb: resident memory in MiB at which its process is killed; None for no limit.
        timeouts: time.
        max_memory: bytes that decoding may ask for; None: by the length of the archive (`bench.codec.memory`).
    """

    threads: int = 1
    memory_mb: float | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_memory: int | None = None
