"""Pinhole cameras that look at the origin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cameras:
    """A batch of square pinhole cameras. A point x lies at ``rotation @ x + translation`` before the camera, z forward.

    Args:
        rotation: float (B, 3, 3).
        translation: float (B, 3).
        field_of_view: in radians, the same along both axes.
    """

    rotation: Tensor
    translation: Tensor
    field_of_view: float = math.radians(45)

    def __post_init__(self) -> None:
        n = len(self.rotation)
        if self.rotation.shape != (n, 3, 3) or self.translation.shape != (n, 3):
            raise ValueError(f"cameras: {tuple(self.rotation.shape)} rotations, {tuple(self.translation.shape)} moves")


def random_cameras(
    count: int, generator: torch.Generator, *, distance: float = 3.0, jitter: float = 0.25, device: str = "cpu"
) -> Cameras:
    """Uniform random rotations; translation (0, 0, distance) plus uniform +-jitter per axis (the paper's cameras).

    Drawn on the CPU, so that a seed gives the same views on every device.
    """
    q = torch.randn((count, 4), generator=generator)
    w, x, y, z = (q / q.norm(dim=1, keepdim=True)).unbind(1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    move = (torch.rand((count, 3), generator=generator) * 2 - 1) * jitter + torch.tensor([0.0, 0.0, distance])
    return Cameras(torch.stack(rows, dim=1).reshape(count, 3, 3).to(device), move.to(device))


def project(vertices: Tensor, cameras: Cameras, resolution: int) -> tuple[Tensor, Tensor]:
    """Project vertices into the images.

    Args:
        vertices: float (V, 3).
        cameras: B views.
        resolution: pixels along each side.

    Returns:
        xy (B, V, 2), positions in pixels (pixel (row r, column c) is centred at x = c + 0.5, y = r + 0.5);
        z (B, V), distance along the viewing axis. Both differentiable in ``vertices``.
    """
    rotation = cameras.rotation.to(vertices.dtype)
    seen = vertices @ rotation.transpose(1, 2) + cameras.translation.to(vertices.dtype)[:, None]
    scale = resolution / (2 * math.tan(cameras.field_of_view / 2))
    z = seen[..., 2]
    return seen[..., :2] / z[..., None] * scale + resolution / 2, z
