"""What a job may use: threads, memory, time."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Timeouts:
    """Seconds that one job may spend in each of its processes."""

    encode: float = 3600.0
    decode: float = 1800.0
    measure: float = 1800.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
                raise ValueError(f"timeout_s.{name} must be a finite number of seconds above 0, not {value!r}")


@dataclass(frozen=True)
class Limits:
    """What one job may use.

    Args:
        threads: CPU threads.
        memory_mb: resident memory in MiB at which its process is killed; None for no limit.
        timeouts: time.
    """

    threads: int = 1
    memory_mb: float | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
