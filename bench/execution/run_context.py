"""What all jobs of a run share."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.metrics.protocol import Protocol
from bench.planning.limits import Limits
from bench.planning.references import Reference
from bench.results.store import RunFolder

if TYPE_CHECKING:
    from mesh_datasets.shape_set import Shape


@dataclass(frozen=True)
class RunContext:
    """What all jobs of a run share.

    Args:
        protocol: how decoded meshes are measured.
        limits: what a job may use.
        workers: how many jobs run at a time; it stands beside the timings.
        gpus: numbers of the GPUs for jobs that use one; empty: all of the machine on which the job runs.
        keep_decoded: keep the decoded meshes in the run folder.
        sources: what the references were made of: one that a codec writes over is made anew.
        stop: set to end the run.
        remeasure: take the archives that are there, whatever they lack: nothing is encoded.
        first: number in the set of the first of the references, where these are a part of it.
    """

    run: RunFolder
    references: Sequence[Reference]
    cache: Path
    protocol: Protocol
    limits: Limits = field(default_factory=Limits)
    workers: int = 1
    gpus: tuple[int, ...] = ()
    keep_decoded: bool = False
    sources: Sequence[Shape] = ()
    stop: threading.Event | None = None
    remeasure: bool = False
    first: int = 0
