"""What decoding one shape takes in memory, known before any of it is allocated."""

from __future__ import annotations

from necgs.decoder.spec import DENSE, DecoderSpec, latent_shape

BYTES_PER_PARAMETER = 16
"""Codes as int32, what they are decoded from, and float32 values."""


def parameter_bytes(numbers: int) -> int:
    """Memory of ``numbers`` weights from their codes to their values."""
    return BYTES_PER_PARAMETER * numbers


def decoding_bytes(spec: DecoderSpec, occupied: int = 0) -> int:
    """Memory of the network's largest step, and of the volume, for one shape.

    Args:
        spec: of the decoder.
        occupied: blocks that the surface enters; block-sparse only.
    """
    rows, channels = latent_shape(spec, occupied)
    step = max(_dense_steps(spec) if spec.variant == DENSE else _block_steps(spec, occupied))
    volume = spec.channels * (spec.resolution**3 if spec.variant == DENSE else occupied * spec.block_edge**3)
    return 4 * step + 12 * volume + 4 * spec.resolution**3 + 24 * rows * channels


def _dense_steps(spec: DecoderSpec) -> list[int]:
    """Numbers alive in each level: its input, the convolution, its shuffled copy and the activation."""
    steps, fan_in = [], spec.latent_channels
    for level, width in enumerate(spec.widths):
        points = (spec.latent_grid << level) ** 3
        steps.append(points * (fan_in + 3 * 8 * width))
        fan_in = width
    return [*steps, spec.resolution**3 * (fan_in + 2 * spec.channels)]


def _block_steps(spec: DecoderSpec, occupied: int) -> list[int]:
    """Numbers alive in each level: with halo (and its index of 64 bits, twice), convolved, linear, spread."""
    steps, halo = [], 27 * (spec.latent_channels + 1)  # in the first level the sides lie beside the latents
    for level in range(spec.doublings + 1):
        edge, hidden = 1 << level, spec.widths[2 * level]
        last = level == spec.doublings
        spread = spec.channels * spec.block_edge**3 if last else 8 * edge**3 * spec.widths[2 * level + 1]
        steps.append(halo + 4 * (edge + 2) ** 3 + 3 * edge**3 * hidden + 3 * spread)
        if not last:  # a convolution may copy its input
            halo = 2 * (2 * edge + 2) ** 3 * spec.widths[2 * level + 1]
    return [occupied * step for step in steps]
