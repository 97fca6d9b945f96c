"""Adam over the latents of a whole set, at the cost of the shapes of a batch.

Most rows have no gradient in a step. Adam moves them nevertheless: their moments decay by beta1 and beta2, and the row
goes on along its first moment. Over k such steps that is a geometric sum, which is added when the row is next wanted.
So the result is that of `torch.optim.Adam` over all rows, but for rounding and for epsilon in those k steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.training.shape_rows import rows_of

BETAS = (0.9, 0.99)
EPSILON = 1e-8
HORIZON = 400
"""Steps without a gradient after which a row has come to rest: (0.9 / 0.99^0.5)^400 is 4e-18."""


class LatentAdam:
    """Latents of a set and their moments.

    Args:
        latents: float32 (n, C), shape after shape.
        starts: int64 (shapes + 1,), index of each shape's first row.
    """

    def __init__(self, latents: Tensor, starts: NDArray[np.int64]) -> None:
        self.values = latents
        self._first, self._second = torch.zeros_like(latents), torch.zeros_like(latents)
        self._starts = starts
        self._current = np.zeros(len(starts) - 1, dtype=np.int64)  # the step after which each shape's rows stand
        self._sizes: list[float] = []  # of each step: its learning rate and what corrects the moments' bias

    def rows(self, shapes: NDArray[np.int64]) -> Tensor:
        """Latents (m, C) of some shapes, up to date, as a leaf that takes a gradient."""
        self._catch_up(shapes)
        return rows_of(self.values, self._starts, shapes).requires_grad_()

    def step(self, shapes: NDArray[np.int64], rows: Tensor, learning_rate: float) -> None:
        """One step of Adam with the gradient of ``rows``, which are those that `rows` gave."""
        assert rows.grad is not None
        count = len(self._sizes) + 1
        corrections = 1 - BETAS[0] ** count, 1 - BETAS[1] ** count
        self._sizes.append(learning_rate * corrections[1] ** 0.5 / corrections[0])
        first, second = (rows_of(moments, self._starts, shapes) for moments in (self._first, self._second))
        m = first.lerp_(rows.grad, 1 - BETAS[0])
        v = second.mul_(BETAS[1]).addcmul_(rows.grad, rows.grad, value=1 - BETAS[1])
        step = learning_rate / corrections[0] * m / (v.sqrt() / corrections[1] ** 0.5 + EPSILON)
        for whole, part in ((self.values, rows.detach() - step), (self._first, m), (self._second, v)):
            self._put(whole, part, shapes)
        self._current[shapes] = count

    def rest(self) -> None:
        """Take no further step: what shapes lag behind is made up, moments are dropped, two thirds of the memory."""
        self._catch_up(np.arange(len(self._current)))
        self._first = self._second = self.values[:0]

    def settle(self, latents: Iterable[Tensor]) -> None:
        """Replace those of each shape in turn, (m, C), once they `rest`."""
        for shape, own in enumerate(latents):
            self.values[int(self._starts[shape]) : int(self._starts[shape + 1])] = own

    def _catch_up(self, shapes: NDArray[np.int64]) -> None:
        done = len(self._sizes)
        for shape in shapes:
            if behind := done - int(self._current[shape]):
                rows = slice(int(self._starts[shape]), int(self._starts[shape + 1]))
                m, v = self._first[rows], self._second[rows]
                self.values[rows] -= self._move(behind) * m / (v.sqrt() + EPSILON)
                m *= BETAS[0] ** behind
                v *= BETAS[1] ** behind
                self._current[shape] = done

    def _put(self, whole: Tensor, part: Tensor, shapes: NDArray[np.int64]) -> None:
        counts = (self._starts[shapes + 1] - self._starts[shapes]).tolist()
        for shape, rows in zip(shapes, torch.split(part, counts), strict=True):
            whole[int(self._starts[shape]) : int(self._starts[shape + 1])] = rows

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "values": self.values,
            "first": self._first,
            "second": self._second,
            "current": torch.from_numpy(self._current),
            "sizes": torch.tensor(self._sizes, dtype=torch.float64),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state`, whose tensors it takes over: two of each would not fit into memory."""
        device = self.values.device
        self.values, self._first, self._second = (state[name].to(device) for name in ("values", "first", "second"))
        self._current = state["current"].numpy().copy()
        self._sizes = state["sizes"].tolist()

    def _move(self, behind: int) -> float:
        """How far the last ``behind`` steps, without a gradient, move a row, in its m / v^0.5 before them."""
        sizes = np.array(self._sizes[len(self._sizes) - behind :][:HORIZON])
        return float(sizes @ (BETAS[0] / BETAS[1] ** 0.5) ** np.arange(1, len(sizes) + 1))
