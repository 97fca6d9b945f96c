"""Speed of the separable SSIM against the dense 5^3 window that it equals."""

import pytest
import torch

from necgs.training.ssim import ssim_3d
from tests.necgs import literal_paper


@pytest.mark.parametrize("K", [64, 128])
@pytest.mark.parametrize("form", ["separable", "dense"])
def test_ssim_forward_and_backward(benchmark, K, form):
    a, b = torch.rand(2, 1, 1, K, K, K)
    a.requires_grad_()
    ssim = ssim_3d if form == "separable" else literal_paper.ssim
    benchmark.pedantic(lambda: ssim(a, b).backward(), rounds=3, warmup_rounds=1)
