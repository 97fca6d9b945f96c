"""PAPER.md stage 2 written down as slowly and literally as possible: what the fast training must agree with."""

import math

import torch
from torch import nn


class Quantise(torch.autograd.Function):
    """Q(x) = round((clamp(x, a, b) - a) / s) * s + a; the gradient passes wherever the clamp lets it."""

    @staticmethod
    def forward(ctx, x):
        a, b, n = -1.0, 1.0, 8
        ctx.save_for_backward(x)
        s = (b - a) / 2**n
        return torch.round((torch.clamp(x, a, b) - a) / s) * s + a

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * ((x >= -1) & (x <= 1))


def shuffle(x):
    n, c, d, h, w = x.shape
    out = torch.zeros(n, c // 8, 2 * d, 2 * h, 2 * w)
    for a in range(2):
        for b in range(2):
            for e in range(2):
                out[:, :, a::2, b::2, e::2] = x[:, 4 * a + 2 * b + e :: 8]
    return out


class Decoder(nn.Module):
    def __init__(self, widths, channels):
        super().__init__()
        ins = [16, *widths[:-1]]
        self.blocks = nn.ModuleList(nn.Conv3d(i, 8 * o, 3, padding=1) for i, o in zip(ins, widths, strict=True))
        self.out = nn.Conv3d(widths[-1], channels, 3, padding=1)

    def forward(self, x):
        q = Quantise.apply
        for block in self.blocks:
            x = nn.functional.gelu(shuffle(nn.functional.conv3d(x, q(block.weight), q(block.bias), padding=1)))
        return nn.functional.conv3d(x, q(self.out.weight), q(self.out.bias), padding=1)


def ssim(a, b):
    """a, b: (n, c, K, K, K) in [-1, 1]; the window as one dense 5^3 kernel."""
    a, b = (a + 1) / 2, (b + 1) / 2
    g = torch.exp(-((torch.arange(5.0) - 2) ** 2) / (2 * 1.5**2))
    g = g / g.sum()
    kernel = (g[:, None, None] * g[None, :, None] * g[None, None, :])[None, None]

    def smooth(x):
        return torch.cat([nn.functional.conv3d(x[:, i : i + 1], kernel, padding=2) for i in range(x.shape[1])], 1)

    ma, mb = smooth(a), smooth(b)
    va, vb, vab = smooth(a * a) - ma**2, smooth(b * b) - mb**2, smooth(a * b) - ma * mb
    return (((2 * ma * mb + 1e-4) * (2 * vab + 9e-4)) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))).mean()


def loss(predicted, target, latent):
    error = (predicted - target).abs()
    mask = (target[:, 0].abs() < 1).float()
    masked = (error.sum(1) * mask).sum() / mask.sum()
    total = error.mean() + 5 * masked + 10 * (1 - ssim(predicted[:, :1], target[:, :1]))
    if target.shape[1] == 4:
        total = total + 10 * (1 - ssim(predicted[:, 1:], target[:, 1:]))
    return total + 0.1 * latent.abs().mean()


def rate_factor(epoch, epochs=400):
    warm = 0.2 * epochs
    if epoch < warm:
        return 0.1 + 0.9 * epoch / warm
    return 0.5 * (1 + math.cos(math.pi * (epoch - warm) / (epochs - warm)))
