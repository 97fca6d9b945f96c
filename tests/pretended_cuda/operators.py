"""One operator of torch's dispatcher on pretended tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map_only

from tests.pretended_cuda.seen import INDEXING
from tests.pretended_cuda.tensor import CPU, CudaTensor

MIXED = {*INDEXING, "copy_", "_to_copy", "_has_compatible_shallow_copy_type"}
"""Operators that take tensors of several devices."""


def execute(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Check devices, compute on the CPU, wrap."""
    name, device = func._schema.name.split("::")[1], kwargs.get("device")
    tensors = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, Tensor)]
    cuda = [t for t in tensors if isinstance(t, CudaTensor)]
    host = [t for t in tensors if not isinstance(t, CudaTensor) and t.dim() > 0]
    there = device is not None and torch.device(device).type in ("meta", "cuda")  # autograd copies a wrapper's options
    if cuda and _mixed(name, args, host):
        raise RuntimeError(f"Expected all tensors to be on the same device, found cuda:0 and cpu ({func})")
    if cuda or there:
        CudaTensor.seen.launch(func, name, args, bool(cuda and host) or (name == "_to_copy" and not cuda))
    plain_args, plain = tree_map_only(CudaTensor, lambda t: t.inner, (args, kwargs))
    out = func(*plain_args, **(plain | {"device": CPU} if there else plain))
    if name.endswith("_") and not name.endswith("__") and tensors:
        return args[0]
    if "out" in kwargs or (not there and (not cuda or (name == "_to_copy" and device is not None))):
        return kwargs.get("out", out)
    with torch.inference_mode(torch.is_inference_mode_enabled() and all(t.is_inference() for t in cuda)):
        return tree_map_only(Tensor, lambda t: t if isinstance(t, CudaTensor) else CudaTensor(t), out)


def _mixed(name: str, args: tuple[Any, ...], host: list[Tensor]) -> bool:
    """Whether tensors of the host stand where they must not."""
    if name in INDEXING:  # indices may be on the host; values, and what is indexed, may not
        return not isinstance(args[0], CudaTensor) or any(t is value for t in host for value in args[2:3])
    return bool(host) and name not in MIXED and not name.startswith("_foreach")
