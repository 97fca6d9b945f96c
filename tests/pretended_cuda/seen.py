"""What a pretended device saw: launches, waits of the host, bytes moved, sums whose order is left to chance."""

from __future__ import annotations

import collections
import os
import sys
from pathlib import Path
from typing import Any

import torch

WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "equal"}
"""Operators whose result, or its size, the host has to know."""

INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}

UNORDERED = {"index_add", "index_add_", "scatter_add", "scatter_add_", "put_", "histc", "embedding_dense_backward"}
"""Operators that add in no certain order on a GPU, unless torch is told to use deterministic algorithms."""

FREE = {"detach", "empty", "empty_like", "empty_strided", "_local_scalar_dense"}

HERE = str(Path(__file__).parent)


class Seen:
    """Counts of one pretended device."""

    def __init__(self) -> None:
        self.launches: collections.Counter[str] = collections.Counter()
        """Operator -> how often it was launched."""
        self.waits: collections.Counter[str] = collections.Counter()
        """"cause file:line" -> how often the host waited for the device there."""
        self.nondeterministic: collections.Counter[str] = collections.Counter()
        """"operator file:line" -> how often it ran without deterministic algorithms."""
        self.moved_bytes = 0
        self.pinned: set[int] = set()
        """Addresses of the storages that are pinned."""

    def wait(self, cause: str) -> None:
        """The host waits, for ``cause``."""
        self.waits[f"{cause} {_line()}"] += 1

    def move(self, tensor: torch.Tensor, cause: str, asynchronous: bool) -> None:
        """A copy between host and device; only one that may be asynchronous and touches pinned memory never waits."""
        self.moved_bytes += tensor.numel() * tensor.element_size()
        if not asynchronous:
            self.wait(cause)

    def launch(self, func: Any, name: str, args: tuple[Any, ...], copied: bool) -> None:
        """One operator of the dispatcher."""
        returns = func._schema.returns
        view = bool(returns) and returns[0].alias_info is not None and not returns[0].alias_info.is_write
        if not view and name not in FREE:
            self.launches[name] += 1
        indices = args[1] if name in INDEXING and isinstance(args[1], list | tuple) else ()
        mask = any(t is not None and t.dtype in (torch.bool, torch.uint8) for t in indices)
        if name in WAITS or copied or mask or name == "repeat_interleave":
            self.wait("mask" if mask else "host to device" if copied else name)
        ordered = torch.are_deterministic_algorithms_enabled()
        if name == "convolution_backward":
            ordered = ordered or torch.backends.cudnn.deterministic
        if name in UNORDERED | {"convolution_backward"} and not ordered:
            self.nondeterministic[f"{name} {_line()}"] += 1


def _line() -> str:
    """The line of the project or of a test that led here."""
    frame = sys._getframe(2)
    while frame and (f"{os.sep}torch{os.sep}" in frame.f_code.co_filename or frame.f_code.co_filename.startswith(HERE)):
        frame = frame.f_back  # type: ignore[assignment]
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else "autograd"
