"""The context of a job inside somebody else's program, which goes on afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.codec import Context


@dataclass
class GuestContext(Context):
    """As a context manager it puts back the number of torch's threads, which is the whole program's.

    Args:
        before: the number that was there before the job changed it; copies of the context share it.
    """

    before: list[int] = field(default_factory=list)

    def limit_torch(self) -> None:
        """As `Context.limit_torch`, remembering what was there."""
        import torch

        if not self.before:
            self.before.append(torch.get_num_threads())
        super().limit_torch()

    def __enter__(self) -> GuestContext:
        return self

    def __exit__(self, *_: object) -> None:
        if self.before:
            import torch

            torch.set_num_threads(self.before[0])
