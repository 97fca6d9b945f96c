"""Errors of a device: memory that does not suffice fails a shape, a device that failed ends the job."""

from __future__ import annotations

import pytest
import torch

from bench.codec import Context, EncodeFailed
from bench.codec.context import device_failed, is_out_of_memory
from tests.pretended_cuda import PretendedCuda

ILLEGAL = "CUDA error: an illegal memory access was encountered"


class AcceleratorError(RuntimeError):
    """As newer versions of torch have it."""


STICKY = [AcceleratorError(ILLEGAL), RuntimeError(ILLEGAL), RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")]
FULL = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    AcceleratorError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.mark.parametrize("error", STICKY, ids=str)
def test_a_device_that_failed_ends_the_job(error: RuntimeError, tmp_path) -> None:
    context = Context("cuda", scratch=tmp_path)
    with pytest.raises(RuntimeError) as raised, context.shape(0, EncodeFailed):
        raise error
    assert raised.value is error
    assert not context.failures


@pytest.mark.parametrize("error", FULL, ids=str)
def test_too_little_memory_fails_the_shape_alone(error: RuntimeError, tmp_path) -> None:
    context = Context("cuda", scratch=tmp_path)
    with context.shape(2, EncodeFailed):
        raise error
    assert context.failures[2].status == "out_of_memory"


def test_other_errors_are_neither(tmp_path) -> None:
    error = RuntimeError("shapes cannot be multiplied")
    assert not device_failed(error)
    assert not is_out_of_memory(error)


def test_the_first_message_is_not_lost_in_the_wait_at_the_end_of_a_phase(tmp_path, monkeypatch) -> None:
    context = Context("cuda", scratch=tmp_path)
    with PretendedCuda():
        phase = context.phase("train")
        phase.__enter__()

        def broken(device: object = None) -> None:
            raise AcceleratorError("CUDA error: a later one")

        monkeypatch.setattr(torch.cuda, "synchronize", broken)
        first = AcceleratorError(ILLEGAL)
        assert not phase.__exit__(AcceleratorError, first, None)
        with pytest.raises(AcceleratorError, match="a later one"), context.phase("fit"):
            pass
    assert "train" in context.phases


def test_a_phase_waits_for_the_device_of_its_job(tmp_path, monkeypatch) -> None:
    waited = []
    with PretendedCuda():
        monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
        with Context("cuda:1", scratch=tmp_path).phase("train"):
            pass
    assert waited == ["cuda:1", "cuda:1"]


@pytest.mark.gpu
def test_a_gpu_that_is_too_small_fails_the_shape_alone_and_goes_on(tmp_path) -> None:
    context = Context("cuda", scratch=tmp_path)
    with context.shape(1, EncodeFailed):
        torch.empty(1 << 46, dtype=torch.uint8, device="cuda")
    assert context.failures[1].status == "out_of_memory"
    assert torch.ones(2, device="cuda").sum().item() == 2
