"""Which GPUs torch can use here, why it can use none, and how a user names them.

What torch calls CUDA may be AMD's ROCm as well. Torch is imported only where a driver is to be seen.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
from pathlib import Path

from bench.codec.errors import Unavailable, UserError

PROGRAMS = ("nvidia-smi", "rocm-smi", "rocminfo")
DEVICE_FILES = ("nvidiactl", "nvidia[0-9]*", "nvhost-gpu", "nvgpu", "dxg", "kfd")
"""In /dev: of NVIDIA's drivers, in a container, on a Jetson, under WSL; of AMD's."""

VISIBLE = ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
"""Variables that choose and number a process's GPUs."""

DEVICES = "auto, cpu, cuda, or some of several GPUs: cuda:1 or cuda:0,cuda:1"


class InvalidDevice(UserError, argparse.ArgumentTypeError):
    """A device that is not written as `DEVICES` says. argparse shows the text of such an error, and of no other."""


def parse_devices(text: str) -> tuple[int, ...] | None:
    """The numbers of ``cuda:0,cuda:1``; None for ``auto``, ``cpu`` and ``cuda``. Raises `InvalidDevice`."""
    if text in ("auto", "cpu", "cuda"):
        return None
    parts = text.split(",")
    if not all(re.fullmatch(r"cuda:\d{1,3}", part) for part in parts) or len(set(parts)) < len(parts):
        raise InvalidDevice(f"{text!r} is no device", f"it can be {DEVICES}")
    return tuple(int(part[5:]) for part in parts)


def devices(text: str) -> str:
    """``text``, if it is as `DEVICES` says: an argument of a command line. Raises `InvalidDevice`."""
    parse_devices(text)
    return text


def device(text: str) -> str:
    """``text``, if it names one device: ``cpu``, ``cuda`` or ``cuda:1``. Raises `InvalidDevice`."""
    return _one_device(text, "cpu, cuda or cuda:1")


def device_or_auto(text: str) -> str:
    """``text``, if it is ``auto`` or names one device. Raises `InvalidDevice`."""
    return text if text == "auto" else _one_device(text, "auto, cpu, cuda or cuda:1")


def _one_device(text: str, allowed: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", text):
        raise InvalidDevice(f"{text!r} does not name one device", f"it can be {allowed}")
    return text


def usable_gpus(asked: str) -> tuple[int, ...]:
    """The numbers of the GPUs that ``asked`` (see `DEVICES`) stands for, none for a CPU; ``cuda`` is all of them.

    Raises:
        InvalidDevice: ``asked`` is no device.
        Unavailable: a GPU that was asked for is not there.
    """
    numbers = parse_devices(asked)
    count = 0 if asked == "cpu" else gpu_count()
    if asked in ("auto", "cpu") or (asked == "cuda" and count):
        return tuple(range(count))
    if not count:
        raise Unavailable(f"device {asked}: {why_none()}", "use --device cpu")
    if missing := [f"cuda:{number}" for number in numbers or () if number >= count]:
        there = ", ".join(f"cuda:{number}" for number in range(count))
        raise Unavailable(f"device {asked}: there is no {missing[0]}, only {there}")
    return numbers or ()


def gpu_count() -> int:
    """How many GPUs torch can use."""
    if not driver_is_seen():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def driver_is_seen() -> bool:
    """Whether there is a trace of a GPU's driver."""
    return any(map(shutil.which, PROGRAMS)) or any(any(Path("/dev").glob(name)) for name in DEVICE_FILES)


def why_none() -> str:
    """Why torch can use no GPU here, for people."""
    if not driver_is_seen():
        apple = platform.system() == "Darwin"
        return "Apple's GPUs (MPS) are not used" if apple else "there is no driver of an NVIDIA or AMD GPU"
    platform_name = torch_platform()
    if not platform_name:
        return "there is a driver, but this torch is built for CPUs only; install one that is built for CUDA or ROCm"
    hidden = [f", or {name}={os.environ[name]} hides it" for name in VISIBLE if name in os.environ]
    return f"torch is built for {platform_name} and sees no GPU: the driver does not fit{''.join(hidden)}"


def torch_platform() -> str:
    """``CUDA 13.0`` or ``ROCm 6.4``: what the installed torch is built for; empty where it is CPUs alone."""
    import torch

    if torch.version.hip:
        return f"ROCm {torch.version.hip}"
    return f"CUDA {torch.version.cuda}" if torch.version.cuda else ""


def describe_gpus() -> str:
    """One line for people: what torch can use."""
    count = gpu_count()
    return f"torch ({torch_platform()}) can use {count}" if count else f"torch can use none: {why_none()}"


def visible_gpu(number: int) -> tuple[str, str]:
    """Variable and value with which a process sees GPU ``number`` of this one alone, as its ``cuda:0``."""
    variable = next((name for name in VISIBLE if os.environ.get(name)), "CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]
    return variable, names[number] if number < len(names) else str(number)
