"""Training on several processes, as ``torchrun`` starts them: each takes its part of every batch.

All processes hold the same state and draw the same random numbers, so that the sum of their gradients is the gradient
of the whole batch: a training gives what one process gives, but for the rounding of sums, and its checkpoint is the
same file. On one process nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")
Progress = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, note); may raise to stop."""


class StoppedElsewhere(RuntimeError):
    """Another process of this training has stopped: its deadline has passed, or it was interrupted."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of a training.

    Args:
        rank: its number.
        count: of all processes.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def current(cls) -> Ranks:
        """Those of the default process group; one where there is none."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    def share(self, items: int) -> tuple[slice, float]:
        """Which of ``items`` things in a row are this process's, and how much its result counts in the sum of all.

        Of fewer things than processes, each does all.
        """
        if items < self.count:
            return slice(0, items), 1 / self.count
        return slice(items * self.rank // self.count, items * (self.rank + 1) // self.count), 1.0

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Add the gradients of all processes, in place; none counts as zero."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        whole = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
        dist.all_reduce(whole)
        for parameter, part in zip(parameters, torch.split(whole, [p.numel() for p in parameters]), strict=True):
            assert parameter.grad is not None
            parameter.grad.copy_(part.view(parameter.shape))

    def report(self, progress: Progress | None, done: int, total: int, note: str = "training") -> None:
        """Tell how far the training is; what ``progress`` raises to stop it stops all processes.

        Raises:
            StoppedElsewhere: another process was told to stop.
        """
        stopped: BaseException | None = None
        try:
            if progress is not None:
                progress(done, total, note)
        except BaseException as error:
            if self.count == 1:
                raise
            stopped = error
        if self.count > 1:
            flag = torch.tensor([stopped is not None], dtype=torch.int32, device=_device())
            dist.all_reduce(flag)
            if stopped is not None:
                raise stopped
            if int(flag):
                raise StoppedElsewhere("another process of this training has stopped")

    def gather(self, own: Sequence[T]) -> list[T]:
        """The things of all processes, on each."""
        if self.count == 1:
            return list(own)
        parts: list[Any] = [None] * self.count
        dist.all_gather_object(parts, list(own))
        return [item for part in parts for item in part]

    def side_by_side(
        self, work: Callable[[int], T], numbers: Sequence[int], total: int, progress: Progress | None, note: str
    ) -> list[T]:
        """What ``work`` makes of each of some consecutive numbers below ``total``, which one process does, on all."""
        own: list[T] = []
        for first in range(0, len(numbers), self.count):
            turn = numbers[first : first + self.count]
            own += [work(number) for number in turn[self.rank : self.rank + 1]]
            self.report(progress, turn[-1] + 1, total, note)
        done = dict(self.gather(list(zip(numbers[self.rank :: self.count], own, strict=True))))
        return [done[number] for number in numbers]

    def first(self, thing: T) -> T:
        """What the first process has."""
        if self.count == 1:
            return thing
        box: list[Any] = [thing if self.rank == 0 else None]
        dist.broadcast_object_list(box, src=0)
        found: T = box[0]
        return found


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started while the context lasts: gloo on CPUs, NCCL on GPUs.

    Args:
        device: this process's, ``cpu`` or ``cuda:N``.
    """
    if device != "cpu":
        torch.cuda.set_device(device)
    dist.init_process_group("gloo" if device == "cpu" else "nccl")
    try:
        yield Ranks.current()
    finally:
        dist.destroy_process_group()


def _device() -> str:
    """Where the group's collectives want their tensors."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"
