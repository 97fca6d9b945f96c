"""Precision and order of sums on a GPU: what torch is told, within and afterwards."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest
import torch

from bench.codec.arithmetic import deterministic, full_precision, start_device
from tests.pretended_cuda import PretendedCuda


def test_convolutions_are_exact_within_and_as_before_afterwards():
    before = torch.backends.cudnn.allow_tf32
    with full_precision():
        assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.enabled
        assert torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_products_are_exact_within_and_as_before_afterwards(precision):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with contextlib.suppress(KeyError), full_precision():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cuda.matmul.allow_tf32
            raise KeyError
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("told", "ask"),
    [("", "allow_tf32"), ("torch.backends.cuda.matmul.fp32_precision = 'tf32'", "fp32_precision == 'tf32'")],
)
def test_products_are_exact_whoever_asked_for_less(told, ask):
    """In processes of their own, for torch reads the variable once and does not forgive a mixture of its interfaces."""
    if told and not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("this torch has no newer interface")
    asked = f"torch.backends.cuda.matmul.{ask}"
    script = f"""
import torch
from bench.codec.arithmetic import full_precision
{told}
states = [{asked}]
with full_precision():
    states.append({asked})
states.append({asked})
print(states)
"""
    told_by_variable = {} if told else {"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **told_by_variable},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[True, False, True]"


def test_nothing_is_told_for_a_cpu():
    with deterministic("cpu"):
        assert not torch.are_deterministic_algorithms_enabled()


def test_sums_are_ordered_on_a_gpu_and_only_within(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")  # what is set from here on is undone
    with contextlib.suppress(KeyError), deterministic("cuda:1"):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        raise KeyError
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic


def test_sums_are_ordered_before_the_first_product(monkeypatch):
    """cuBLAS reads the variable once, at the first product of the process: that of the warm-up."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    told, product = [], torch.nn.functional.linear

    def watched(*arguments):
        told.append(os.environ.get("CUBLAS_WORKSPACE_CONFIG"))
        return product(*arguments)

    monkeypatch.setattr(torch.nn.functional, "linear", watched)
    start_device("cpu")
    assert not told
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    with PretendedCuda() as seen:
        start_device("cuda")
    assert told == [":4096:8"]
    assert seen.launches["convolution"] == seen.launches["convolution_backward"] == 1
