"""The pretended tensor, and what Python code may ask of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from tests.pretended_cuda.seen import Seen

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")
ANSWERS = {"device": CUDA, "is_cuda": True, "is_cpu": False, "is_meta": False}
HALF = {"conv1d", "conv2d", "conv3d", "conv_transpose3d", "linear", "matmul", "__matmul__", "mm", "bmm", "addmm"}
"""What autocast computes in bfloat16."""

FULL = {"layer_norm", "exp", "log", "log2", "pow", "__pow__", "norm", "sum", "prod", "cumsum", "softplus", "reciprocal"}
"""What autocast computes in float32."""


class CudaTensor(Tensor):
    """A CPU tensor, ``inner``, that says it is on ``cuda:0``."""

    inner: Tensor
    seen = Seen()
    """Of the pretended device that is in use."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> CudaTensor:
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        made: CudaTensor = Tensor._make_wrapper_subclass(cls, inner.shape, **layout, device="meta")
        made.inner = inner
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.inner.detach().__reduce_ex__(protocol)  # as torch.load(map_location="cpu") would give it

    def __deepcopy__(self, memo: dict[int, Any]) -> CudaTensor:
        copy = CudaTensor(self.inner.detach().clone()).requires_grad_(self.requires_grad)
        copy._is_param = getattr(self, "_is_param", False)
        return copy

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            return call(func, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        from tests.pretended_cuda.operators import execute

        return execute(func, args, kwargs or {})


def is_cuda(device: Any) -> bool:
    """Whether ``device``, as torch's functions take it, is a CUDA device."""
    return isinstance(device, int) or (device is not None and torch.device(device).type == "cuda")


def call(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of torch or a method or property of a tensor, before torch sees it."""
    name, own = getattr(func, "__name__", ""), bool(args) and isinstance(args[0], CudaTensor)
    if own and name == "__get__" and (asked := getattr(func.__self__, "__name__", "")) in ANSWERS:
        return ANSWERS[asked]
    if own and name in ("numpy", "__array__"):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor first.")
    if name in ("cpu", "cuda") and args and isinstance(args[0], Tensor):
        return moved(args[0], name)
    if name == "to":
        return _to(func, args, kwargs)
    if name in ("pin_memory", "is_pinned") and args:
        return _pinned(name, args[0])
    if own and name in ("__getitem__", "__setitem__"):
        parts = args[1] if isinstance(args[1], tuple) else (args[1],)  # a list is copied to the device at every call
        parts = tuple(moved(torch.tensor(part), CUDA) if isinstance(part, list) else part for part in parts)
        args = (args[0], parts, *args[2:])
    _check_generator(kwargs, own)
    if kwargs.get("device") is not None and (own or is_cuda(kwargs["device"])):
        return _created(func, name, own, args, kwargs)
    if torch.is_autocast_enabled("cuda") and name in HALF | FULL:
        wanted, given = (torch.bfloat16, torch.float32) if name in HALF else (torch.float32, torch.bfloat16)
        args, kwargs = tree_map_only(CudaTensor, lambda t: t.to(wanted) if t.dtype == given else t, (args, kwargs))
    return func(*args, **kwargs)


def moved(tensor: Tensor, device: Any, non_blocking: bool = False) -> Tensor:
    """``tensor`` on ``device``, as `Tensor.to` moves it."""
    if is_cuda(device) == isinstance(tensor, CudaTensor):
        return tensor
    seen, host = CudaTensor.seen, tensor.inner if isinstance(tensor, CudaTensor) else tensor
    pinned = host.untyped_storage().data_ptr() in seen.pinned
    seen.move(host, "host to device" if is_cuda(device) else "device to host", non_blocking and pinned)
    if tensor.requires_grad and torch.is_grad_enabled():
        raise NotImplementedError("gradients from one device to another")
    return CudaTensor(tensor.detach().clone()) if is_cuda(device) else host.detach().clone()


def _to(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    like = [part for v in args[1:] for part in ((v.device, v.dtype) if isinstance(v, Tensor) else (v,))]
    kinds = {"dtype": torch.dtype, "non_blocking": bool, "device": str | int | torch.device}
    rest = {next(key for key, kind in kinds.items() if isinstance(v, kind)): v for v in like if v is not None} | kwargs
    device, non_blocking = rest.pop("device", None), rest.pop("non_blocking", False)
    there = args[0] if device is None else moved(args[0], device, non_blocking)
    rest = {key: value for key, value in rest.items() if value is not None}
    result: Tensor = func(there, **rest) if rest else there
    return result


def _pinned(name: str, tensor: Tensor) -> Any:
    """Pinned memory is marked by its address."""
    pinned = CudaTensor.seen.pinned
    if name == "is_pinned":
        return tensor.untyped_storage().data_ptr() in pinned
    copy = tensor.detach().clone()
    pinned.add(copy.untyped_storage().data_ptr())
    return copy


def _check_generator(kwargs: dict[str, Any], own: bool) -> None:
    generator, device = kwargs.get("generator"), kwargs.get("device")
    if generator is not None and is_cuda(generator.device) != (is_cuda(device) if device is not None else own):
        raise RuntimeError(f"Expected a '{device or 'cpu'}' device type for generator but found '{generator.device}'")


def _created(func: Any, name: str, own: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """What a factory function makes on a device."""
    plain = tree_map_only(CudaTensor, lambda t: t.inner, args)
    made: Tensor = func(*plain, **{**kwargs, "device": CPU})
    if not is_cuda(kwargs["device"]):
        return made
    if name in ("tensor", "as_tensor") and not own:
        CudaTensor.seen.wait("host to device")
    return CudaTensor(made.detach()).requires_grad_() if made.requires_grad else CudaTensor(made)
