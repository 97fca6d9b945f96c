"""Decoding with whole float32 numbers on every device.

CUDA convolutions round their inputs to 10 bits (TF32) unless told otherwise: harmless in training, a hundred times the
rounding of float32 in a decoder, whose meshes must be those that the encoder saw, up to last digits.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch


def full_precision() -> AbstractContextManager[None]:
    """Within it, cuDNN convolves in float32, with algorithms that give the same sums each time. No effect on a CPU."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
