"""The context in which torch sees one pretended CUDA device."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.pretended_cuda.operators import execute
from tests.pretended_cuda.seen import Seen
from tests.pretended_cuda.tensor import CudaTensor, call

MEMORY = 16 << 30
"""Bytes that the device says it has, all of them free."""


class PretendedCuda(contextlib.AbstractContextManager[Seen]):
    """Within it ``cuda`` is there; gives the `Seen` that counts."""

    def __enter__(self) -> Seen:
        forget_tensors()
        self._stack = contextlib.ExitStack()
        answers = {"is_available": True, "device_count": 1, "current_device": 0, "is_bf16_supported": True}
        answers |= {"synchronize": None, "empty_cache": None, "current_stream": None}  # type: ignore[dict-item]
        answers |= {"mem_get_info": (MEMORY, MEMORY)}  # type: ignore[dict-item]
        for name, answer in answers.items():
            self._stack.enter_context(mock.patch.object(torch.cuda, name, lambda *_, _answer=answer, **__: _answer))
        self._stack.enter_context(mock.patch.object(torch.cuda, "Event", _Event))
        # A torch that is built for CUDA would ask the driver whether its optimisers are captured in a graph.
        self._stack.enter_context(mock.patch.object(torch.accelerator, "current_accelerator", return_value=None))
        self._stack.enter_context(mock.patch.object(torch.cuda.amp.common, "amp_definitely_not_available", bool))
        self._stack.enter_context(mock.patch.object(torch, "Generator", _Generator))
        self._stack.enter_context(mock.patch.object(CudaTensor, "seen", Seen()))
        self._stack.callback(forget_tensors)
        self._stack.enter_context(_FunctionMode())
        self._stack.enter_context(_DispatchMode())
        return CudaTensor.seen

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def forget_tensors() -> None:
    """Empty what the project's functions remember: tensors on this device must not meet those on another."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("bench", "necgs", "baselines"):
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


class _FunctionMode(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(func, args, kwargs or {})


class _DispatchMode(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return execute(func, args, kwargs or {})


class _Generator(torch.Generator):
    """A CPU generator that says it is where it was asked to be."""

    def __new__(cls, device: Any = "cpu") -> _Generator:
        made = super().__new__(cls)
        made._where = torch.device(device)
        return made

    device = property(lambda self: self._where)  # type: ignore[assignment]


class _Event:
    """Of a stream that never lags behind."""

    def record(self, stream: Any = None) -> None:
        pass

    def synchronize(self) -> None:
        pass
