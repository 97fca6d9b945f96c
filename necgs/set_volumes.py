"""The volumes of a set, shape by shape, on as many processes as the job has threads.

A volume depends on its own mesh alone, so neither the order nor the number of processes shows in the bytes.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
from loky import ProcessPoolExecutor  # unlike the standard one, it does not run the caller's script again
from numpy.typing import NDArray

from bench.codec import Context, EncodeFailed
from bench.codec.context import Failure
from necgs.decoder.spec import BLOCK_SPARSE
from necgs.settings import VolumeRate

if TYPE_CHECKING:
    from trimesh import Trimesh

    from necgs.training.surface_blocks import SurfaceBlocks
    from necgs.volume.tsdf_def import TsdfDef

    Volumes = NDArray[np.int16] | list[SurfaceBlocks]

WORTH_IT = 8
"""Shapes from which on processes are started; each takes seconds to import what it needs."""


def volumes_of(meshes: Sequence[Trimesh], rate: VolumeRate, context: Context) -> tuple[list[int], Volumes]:
    """Which shapes have a volume, in order, and their volumes: whole for a dense decoder, else as cut into blocks.

    Shapes that fail are in ``context.failures``. Phases: tsdf, fit (from the cache where another rate has done them);
    of several processes the mean.

    Args:
        meshes: normalised.
        rate: which volumes.
        context: threads, seed, device, deadline, cache, progress.
    """
    from necgs.training.surface_blocks import SurfaceBlocks

    spec = rate.spec()
    if spec.variant == BLOCK_SPARSE:
        cut = {index: SurfaceBlocks.of(volume, spec) for index, volume in _each_volume(meshes, rate, context)}
        return sorted(cut), [cut[index] for index in sorted(cut)]
    # Whole ones are gigabytes for a large set: never there twice.
    whole = np.empty((len(meshes), rate.channels, *[rate.resolution] * 3), np.int16)
    fitted = []
    for index, volume in _each_volume(meshes, rate, context):
        whole[index] = volume.dense(rate.channels)
        fitted.append(index)
    fitted.sort()
    for row, index in enumerate(fitted):
        if row != index:
            whole[row] = whole[index]
    return fitted, whole[: len(fitted)]


def _each_volume(meshes: Sequence[Trimesh], rate: VolumeRate, context: Context) -> Iterator[tuple[int, TsdfDef]]:
    """Index and volume of each shape that has one, in no particular order.

    Of several processes of one training each makes its share, and all get all.
    """
    from necgs.training.ranks import Ranks

    ranks, order = Ranks.current(), _order_of_work(len(meshes), rate)
    own = order[ranks.share(len(order))[0]]
    if ranks.count == 1:
        yield from _volumes_here(meshes, own, rate, context)
        return
    yield from dict(ranks.gather(list(_volumes_here(meshes, own, rate, context)))).items()
    context.failures.update(dict(ranks.gather(list(context.failures.items()))))


def _volumes_here(
    meshes: Sequence[Trimesh], order: list[int], rate: VolumeRate, context: Context
) -> Iterator[tuple[int, TsdfDef]]:
    """Those of the shapes in ``order``, by this process and those that it starts."""
    processes = min(context.threads, len(order))
    on_the_device = rate.fit == "rendered" and context.device != "cpu"
    if processes > 1 and len(order) >= WORTH_IT and not on_the_device:
        yield from _side_by_side(meshes, order, rate, context, processes)
    else:
        yield from _one_by_one(meshes, order, rate, context)


def _one_by_one(
    meshes: Sequence[Trimesh], order: list[int], rate: VolumeRate, context: Context
) -> Iterator[tuple[int, TsdfDef]]:
    from necgs.stages import shape_volume

    for done, index in enumerate(order):
        volume = None
        with context.shape(index, EncodeFailed):
            part = _part_of(context, done, len(order))
            volume = shape_volume(meshes[index], rate.resolution, rate.channels, rate.fit, part)
        if volume is not None:
            yield index, volume
        context.progress(done + 1, len(order), "volumes")


def _order_of_work(count: int, rate: VolumeRate) -> list[int]:
    """Shapes in another order for each rate: two that fit the same volumes at a time find each other's in the cache."""
    order = list(range(count))
    random.Random(repr(rate)).shuffle(order)
    return order


def _part_of(context: Context, done: int, count: int) -> Context:
    """The same context, but what is reported of the shape after ``done`` others counts as its part of the set."""

    def report(step: int, total: int, _: str) -> None:
        context.progress(done * total + step, count * total, "volumes")

    return dataclasses.replace(context, report=report)


@dataclass(frozen=True)
class _Task:
    """One shape for another process."""

    index: int
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    rate: VolumeRate
    seed: int
    cache: Path | None
    seconds_left: float | None


@dataclass(frozen=True)
class _Done:
    """What became of a task: the volume, or why there is none."""

    index: int
    volume: TsdfDef | None
    failure: Failure | None
    phases: dict[str, float]
    recalled: dict[str, float]
    made: dict[str, int]
    found: dict[str, int]
    notes: dict[str, str]


def _side_by_side(
    meshes: Sequence[Trimesh], order: list[int], rate: VolumeRate, context: Context, processes: int
) -> Iterator[tuple[int, TsdfDef]]:
    waiting = iter(order)
    running: set[Future[_Done]] = set()
    finished = 0
    pool = ProcessPoolExecutor(processes, initializer=_end_with, initargs=(os.getpid(),))
    try:
        while True:
            context.check_deadline()
            # Two a process: none waits for its next mesh, and few are copied at a time.
            for index in itertools.islice(waiting, 2 * processes - len(running)):
                running.add(pool.submit(_work, _task(meshes[index], index, rate, context)))
            if not running:
                return
            done, running = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            for one in (future.result() for future in done):
                finished += 1
                _charge(context, one, processes)
                context.progress(finished, len(order), "volumes")
                if one.volume is not None:
                    yield one.index, one.volume
    finally:
        pool.shutdown(kill_workers=True)


def _task(mesh: Trimesh, index: int, rate: VolumeRate, context: Context) -> _Task:
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    return _Task(index, vertices, faces, rate, context.seed, context.cache, context.remaining())


def _charge(context: Context, done: _Done, processes: int) -> None:
    """Note what a process said; its seconds passed beside those of the others."""
    for kept, own in ((context.phases, done.phases), (context.recalled, done.recalled)):
        for name, seconds in own.items():
            kept[name] = kept.get(name, 0.0) + seconds / processes
    context.made.update(done.made)
    context.found.update(done.found)
    context.notes.update(done.notes)
    if done.failure is not None:
        context.failures.setdefault(done.index, done.failure)


def _work(task: _Task) -> _Done:
    """In a process of its own: the volume of one shape. Raises what concerns the whole job."""
    import trimesh

    from necgs.stages import shape_volume

    deadline = None if task.seconds_left is None else time.monotonic() + task.seconds_left
    context = Context(seed=task.seed, scratch=Path(), deadline=deadline, cache=task.cache)
    volume = None
    with context.shape(task.index, EncodeFailed):
        mesh = trimesh.Trimesh(task.vertices, task.faces, process=False)
        volume = shape_volume(mesh, task.rate.resolution, task.rate.channels, task.rate.fit, context)
    failure = context.failures.get(task.index)
    return _Done(
        task.index, volume, failure, context.phases, context.recalled, context.made, context.found, context.notes
    )


def _end_with(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when it does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while psutil.pid_exists(parent):
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
