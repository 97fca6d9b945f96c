import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from necgs.training.ssim import gaussian_window, smooth, ssim_3d
from tests.necgs import literal_paper


def test_smoothing_agrees_with_scipy():
    x = torch.randn(2, 3, 7, 8, 9, dtype=torch.float64)
    expected = x.numpy()
    for axis in (2, 3, 4):
        expected = correlate1d(expected, np.array(gaussian_window()), axis=axis, mode="constant")
    np.testing.assert_allclose(smooth(x).numpy(), expected, atol=1e-12)


def test_gradient_of_smoothing():
    x = torch.randn(1, 1, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(smooth, x)


def test_ssim_agrees_with_the_dense_window_value_and_gradient():
    a, b = torch.rand(2, 2, 3, 9, 8, 7) * 2 - 1
    mine, theirs = (a.clone().requires_grad_() for _ in range(2))
    value, expected = ssim_3d((mine + 1) / 2, (b + 1) / 2), literal_paper.ssim(theirs, b)
    value.backward()
    expected.backward()
    assert value.item() == pytest.approx(expected.item(), abs=1e-6)
    torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-7, rtol=1e-4)


def test_equal_volumes_score_one():
    a = torch.rand(1, 1, 6, 6, 6)
    assert ssim_3d(a, a).item() == pytest.approx(1)
