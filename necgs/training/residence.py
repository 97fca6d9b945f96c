"""Where the volumes of a large set lie during a dense training: on the device where they fit, else on the host."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from necgs.decoder.spec import DecoderSpec, latent_shape

log = logging.getLogger(__name__)

BYTES_PER_FEATURE = 4
"""Of a level's output, kept in bfloat16 before and after its activation."""

BYTES_PER_VALUE = 120
"""Of a predicted value: what the loss keeps in float32, half of it the planes of SSIM at its peak."""

BYTES_PER_PARAMETER = 16
"""Value, gradient and Adam's two moments."""

RESERVE = 1 << 30
"""Left to the allocator's gaps and to the libraries."""


@dataclass(frozen=True)
class Estimate:
    """Bytes that a dense training takes on a device.

    Args:
        volumes: of all shapes, as int16.
        step: of the largest step: features, loss, parameters.
    """

    volumes: int
    step: int

    @classmethod
    def of(cls, spec: DecoderSpec, shapes: int, batch: int) -> Estimate:
        """For ``shapes`` shapes, ``batch`` a step."""
        values = spec.channels * spec.resolution**3
        features = sum(width * (spec.latent_grid << level + 1) ** 3 for level, width in enumerate(spec.widths))
        parameters = spec.parameter_count + shapes * math.prod(latent_shape(spec))
        step = min(batch, shapes) * (BYTES_PER_FEATURE * features + BYTES_PER_VALUE * values)
        return cls(2 * shapes * values, step + BYTES_PER_PARAMETER * parameters)

    def fits(self, free: int) -> bool:
        """Whether everything fits into ``free`` bytes of a device."""
        return self.volumes + self.step + RESERVE <= free

    def __str__(self) -> str:
        return f"volumes {_gb(self.volumes)}, a step about {_gb(self.step)}"


class Volumes(Protocol):
    """The volumes of a set, wherever they lie; ``note`` says where and why, for people, and nothing on a CPU."""

    @property
    def note(self) -> str: ...

    def take(self, indices: Tensor, on_host: Tensor) -> Tensor:
        """The int16 codes (n, channels, K, K, K) of some shapes, on the device; their indices there and on the host."""


@dataclass(frozen=True)
class DeviceVolumes:
    """All volumes on the device."""

    codes: Tensor
    note: str = ""

    def take(self, indices: Tensor, on_host: Tensor) -> Tensor:
        return self.codes[indices]


class HostVolumes:
    """All volumes on the host; those of a step are copied while the device is still at the step before.

    They go through two pinned buffers in turn: a buffer is filled again when its own copy, two steps ago, is done.
    """

    def __init__(self, codes: Tensor, batch: int, device: torch.device, note: str = "") -> None:
        self.note = note
        self._codes, self._device, self._turn = codes, device, 0
        shape = (min(batch, len(codes)), *codes.shape[1:])
        self._buffers = [torch.empty(shape, dtype=codes.dtype).pin_memory() for _ in range(2)]
        self._copied: list[torch.cuda.Event | None] = [None, None]

    def take(self, indices: Tensor, on_host: Tensor) -> Tensor:
        self._turn = 1 - self._turn
        buffer, before = self._buffers[self._turn][: len(on_host)], self._copied[self._turn]
        if before is not None:
            before.synchronize()
        torch.index_select(self._codes, 0, on_host, out=buffer)
        there = buffer.to(self._device, non_blocking=True)
        self._copied[self._turn] = event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))  # the device need not be torch's current one
        return there


def place_volumes(codes: Tensor, spec: DecoderSpec, batch: int, device: torch.device) -> Volumes:
    """Put the volumes of a set where they fit, and tell the estimate that decides on it."""
    if device.type == "cpu":
        return DeviceVolumes(codes)
    estimate, free = Estimate.of(spec, len(codes), batch), torch.cuda.mem_get_info(device)[0]
    if estimate.fits(free):
        return DeviceVolumes(codes.to(device), f"on the device: {estimate}, {_gb(free)} free")
    note = f"on the host: {estimate}, {_gb(free)} free on the device"
    log.warning("training on %s: the volumes stay %s", device, note)
    if estimate.step + RESERVE > free:
        log.warning("a step may not fit, either: use a smaller batch")
    return HostVolumes(codes, batch, device, note)


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
