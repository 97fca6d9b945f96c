"""How torch computes on a GPU: with whole float32 numbers, and the same sums each time. For codecs that use torch.

Torch is imported when it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def full_precision() -> Iterator[None]:
    """Within it, convolutions and matrix products are those of float32, with the same sums each time.

    CUDA convolutions round their inputs to 10 bits (TF32) unless told otherwise, and matrix products do where the
    process was told so (``TORCH_ALLOW_TF32_CUBLAS_OVERRIDE``, ``set_float32_matmul_precision``): harmless in training,
    but thousands of times the rounding of float32 in a decoder, whose meshes must be those that the encoder saw.
    """
    import torch

    cudnn = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with _exact_products(), cudnn:
        yield


@contextmanager
def _exact_products() -> Iterator[None]:
    import torch

    products = torch.backends.cuda.matmul
    try:
        before = torch.get_float32_matmul_precision()
    except RuntimeError:  # set by the newer interface, which refuses to be read by the older one
        newer = products.fp32_precision
        products.fp32_precision = "ieee"
        try:
            yield
        finally:
            products.fp32_precision = newer
        return
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def deterministic(device: str) -> Iterator[None]:
    """Within it, the same numbers give the same sums on a GPU, too: for training. No effect on a CPU.

    Some of torch's CUDA operators add in the order in which threads happen to come. They have slower twins that sort
    first; what has none is done nevertheless, with a warning.
    """
    import torch

    if torch.device(device).type == "cpu":
        yield
        return
    _order_products()
    enabled, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    memory: Any = torch.utils.deterministic
    filled, tf32 = memory.fill_uninitialized_memory, torch.backends.cudnn.allow_tf32
    torch.use_deterministic_algorithms(True, warn_only=True)
    memory.fill_uninitialized_memory = False  # would only cost time: nothing here reads what it has not written
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=tf32):
            yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        memory.fill_uninitialized_memory = filled


def _order_products() -> None:
    """Without it cuBLAS is not deterministic. It is read once: before the first product on a GPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def start_device(device: str) -> Tensor:
    """Make torch ready to compute there; returns float (4,) on ``device``, 1, -1, 1, 1.

    A CUDA device takes seconds for its context, its libraries and their first convolution and product.
    """
    import torch

    volume = torch.tensor([1.0, -1.0, 1.0, 1.0], device=device)
    if torch.device(device).type != "cpu":
        _order_products()
        kernel = torch.zeros(1, 1, 3, 3, 3, device=device, requires_grad=True)
        torch.nn.functional.conv3d(volume.expand(1, 1, 4, 4, 4), kernel).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.functional.linear(volume.expand(4, 4), torch.eye(4, device=device))
        torch.cuda.synchronize(device)
    return volume
