"""A CUDA device that is not there: code that asks for ``device="cuda"`` runs on a CPU, about as strictly as on a GPU.

A pretended tensor wraps a CPU tensor. Python sees ``cuda:0``; autograd sees ``meta``, for a torch built without CUDA
cannot run autograd on ``cuda``. Each operator checks the devices of its tensors as torch does, computes on the CPU and
wraps what comes out::

    with PretendedCuda() as seen:
        train(..., device="cuda")
    print(seen.launches, seen.waits, seen.nondeterministic)

As on a GPU: mixed devices raise (0-dim CPU tensors, CPU indices and ``copy_`` pass), ``.numpy()`` raises, generators
must fit the device, bfloat16 autocast rounds, copies from memory that is not pinned wait. Not simulated: the kernels
themselves, their limits and their rounding, streams, the size of the memory, fused optimisers.
"""

from tests.pretended_cuda.device import PretendedCuda
from tests.pretended_cuda.seen import Seen
from tests.pretended_cuda.tensor import CudaTensor

__all__ = ["CudaTensor", "PretendedCuda", "Seen"]
