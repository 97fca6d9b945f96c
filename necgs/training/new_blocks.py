"""A new shape for a coded set of blocks: its latents, at the price of bits that the set was trained with.

No file says what a bit was worth; its quantisation steps do. In training they stood still where larger steps would have
saved as much in bits as they lost in error: dD/ds + price dR/ds = 0, D the distortion, R the bits, s the logarithm of
all steps. So the price is -(dD/ds) / (dR/ds), and that ratio is about the same for another shape whose latents are the
best ones at that price. Both are found together: the price is taken anew some times while latents are fitted. On files
of twelve bodies, coded with lambda = 1e-3, 4e-3 and 16e-3, single other bodies give 1e-3, 3e-3 to 4e-3 and 11e-3 to
18e-3.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.coding.bitstream import SharedPart
from necgs.coding.latent_model import LatentModel
from necgs.coding.latents import ResidualLatents
from necgs.coding.prediction import SHIFT
from necgs.decoder.dense import dequantized_weights
from necgs.quantize import step_size, straight_through
from necgs.training.block_cost import BlockCosts, Cost
from necgs.training.block_loss import BlockTargets
from necgs.training.block_settings import BlockSettings
from necgs.training.code_refinement import refined_codes
from necgs.training.latent_descent import AppendSettings, Progress, minimise
from necgs.training.priced_decoder import PricedDecoder
from necgs.training.shape_rows import ResidentBlocks
from necgs.training.surface_blocks import SurfaceBlocks
from necgs.volume.tsdf_def import TsdfDef

TRAINING = BlockSettings()
"""What of a training is done here, too: part with noise, weight of signs, sweeps over the codes."""

FIRST_LAMBDA = 4e-3
"""The price to begin with, as `BlockSettings.lambda_`."""

PRICINGS = 8
"""How often the price is taken anew, each time a good half of the way to where it stays."""

_ALONE = np.zeros(1, dtype=np.int64)


def fit_blocks(
    shared: SharedPart, volume: TsdfDef, settings: AppendSettings, device: str, progress: Progress | None
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Codes (n, C) of the latents of one volume, and its block states (G, G, G)."""
    spec = shared.decoder.spec
    cut = SurfaceBlocks.of(volume, spec)
    if not len(cut.codes):
        return np.zeros((0, spec.latent_channels), np.int32), cut.states
    fit = _Fit.of(shared, cut, device)
    with fit.costs.alone_on_threads():
        codes = fit.codes(settings, progress)
    return codes.cpu().numpy().astype(np.int32), cut.states


@dataclass
class _Fit:
    """The fit of one shape's latents.

    Args:
        costs: of the shape, at any price.
        decoder: of the file.
        latents: (n, C), a leaf, in units of ``unit``.
        unit: their root mean square at the start.
        neighbours: (n, 27), as of `BatchBlocks`.
        noise: what the quantisation noise is drawn from.
        price: of a bit.
    """

    costs: BlockCosts
    decoder: PricedDecoder
    latents: Tensor
    unit: Tensor
    neighbours: Tensor
    noise: torch.Generator
    price: float

    @classmethod
    def of(cls, shared: SharedPart, cut: SurfaceBlocks, device: str) -> _Fit:
        """Beginning at the least squares of the linear transform."""
        decoder, targets = _decoder(shared, device), BlockTargets.of([cut], device)
        resident = ResidentBlocks.of([cut.states], device)
        costs = BlockCosts.of(
            shared.decoder.spec, targets, resident, sign_weight=TRAINING.sign_weight, bit_price=FIRST_LAMBDA / 1000
        )
        values, _ = targets.rows(np.arange(len(targets)))
        basis, mean = decoder.weights["synthesis.weight"], decoder.weights["synthesis.bias"]
        start = (values.flatten(1) - mean) @ torch.linalg.pinv(basis).T
        unit = start.square().mean().sqrt().clamp(min=1e-6)
        noise = torch.Generator(device).manual_seed(0)
        leaf = (start / unit).detach().requires_grad_()
        return cls(costs, decoder, leaf, unit, resident.batch(_ALONE).neighbours, noise, costs.bit_price)

    def codes(self, settings: AppendSettings, progress: Progress | None) -> Tensor:
        """Codes (n, C), whole numbers."""
        noisy = round(TRAINING.noise * settings.steps)
        every = max(1, noisy // PRICINGS)

        def descend(step: int) -> None:
            if 0 < step < noisy and step % every == 0:
                self._take_price()
            scaled = self.latents * self.unit / self.decoder.steps
            rated = scaled + self._noise() if step < noisy else scaled
            coded = rated if step < noisy else straight_through(scaled, 1.0)
            self._cost(self.price)(self.decoder, coded, rated).sum().backward()  # type: ignore[no-untyped-call]

        minimise(self.latents, descend, settings, progress)
        start = (self.latents.detach() * self.unit / self.decoder.steps).round()
        cost = self._cost(self.price)
        return refined_codes(
            start, lambda tried: cost(self.decoder, tried, tried), self.neighbours, TRAINING.refinement, 0
        )

    def _noise(self) -> Tensor:
        return torch.rand(self.latents.shape, generator=self.noise, device=self.latents.device) - 0.5

    def _cost(self, price: float) -> Cost:
        return dataclasses.replace(self.costs, bit_price=price).among(_ALONE)

    def _take_price(self) -> None:
        """The price at which all steps would stay as they are; as before where that cannot be told."""
        noise = self._noise()
        error, with_bits = (self._slope(price, noise) for price in (0.0, 1.0))
        if error > 0 > with_bits - error:
            self.price = error / (error - with_bits)

    def _slope(self, price: float, noise: Tensor) -> float:
        """What the cost at this price gains where all steps grow, by the logarithm of their growth."""
        growth = torch.zeros((), device=noise.device, requires_grad=True)
        steps = self.decoder.steps * growth.exp()
        coded = self.latents.detach() * self.unit / steps + noise
        cost = self._cost(price)(dataclasses.replace(self.decoder, steps=steps), coded, coded).sum()
        (slope,) = torch.autograd.grad(cost, growth)
        return float(slope)


def _decoder(shared: SharedPart, device: str) -> PricedDecoder:
    """The decoder of a file, and what its latents cost: about as their own coder says."""
    steps = [step_size(exponent) for exponent in shared.decoder.latent_exponents]
    assert isinstance(shared.latents, LatentModel | ResidualLatents)
    predictor = shared.latents.predictor.weights.astype(np.float32) / 2**SHIFT
    # Huffman codes of a bit and more are worth as much as a scale of one step.
    scales = shared.latents.magnitudes() if isinstance(shared.latents, LatentModel) else np.ones(len(steps))
    return PricedDecoder(
        dequantized_weights(shared.decoder, device),
        torch.tensor(steps, device=device),
        torch.from_numpy(predictor).to(device),
        torch.from_numpy(np.log(scales).astype(np.float32)).to(device),
    )
