"""How devices are named, which are found, and what is said where none is."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from bench.codec import Unavailable, devices
from bench.codec.devices import InvalidDevice, device, parse_devices, usable_gpus, visible_gpu, why_none


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Pretends a driver, a build of torch and a number of GPUs."""

    def build(gpus: int, cuda: str | None = "13.0", hip: str | None = None) -> None:
        there = SimpleNamespace(is_available=lambda: gpus > 0, device_count=lambda: gpus)
        torch = SimpleNamespace(cuda=there, version=SimpleNamespace(cuda=cuda, hip=hip))
        monkeypatch.setitem(sys.modules, "torch", torch)
        monkeypatch.setattr(devices, "driver_is_seen", lambda: True)

    for name in devices.VISIBLE:
        monkeypatch.delenv(name, raising=False)
    return build


def test_devices_are_parsed() -> None:
    assert [parse_devices(text) for text in ("auto", "cpu", "cuda", "cuda:1", "cuda:2,cuda:0")] == [
        *(None, None, None),
        (1,),
        (2, 0),
    ]
    for text in ("gpu", "mps", "cuda:", "cuda:x", "cuda:0,cpu", "cuda:1,cuda:1", "cuda,cuda", ""):
        with pytest.raises(InvalidDevice, match="is no device"):
            parse_devices(text)
    assert device("cuda:3") == "cuda:3"
    for text in ("auto", "cuda:0,cuda:1"):
        with pytest.raises(InvalidDevice, match="one device"):
            device(text)


def test_what_was_asked_for_is_what_is_used(machine) -> None:
    machine(3)
    asked = ("auto", "cpu", "cuda", "cuda:1", "cuda:2,cuda:0")
    assert [usable_gpus(text) for text in asked] == [(0, 1, 2), (), (0, 1, 2), (1,), (2, 0)]
    with pytest.raises(Unavailable, match=r"there is no cuda:3, only cuda:0, cuda:1, cuda:2"):
        usable_gpus("cuda:1,cuda:3")


@pytest.mark.parametrize(
    ("built", "reason"),
    [
        ({"cuda": "13.0"}, r"built for CUDA 13\.0 and sees no GPU"),
        ({"cuda": None, "hip": "6.4"}, r"built for ROCm 6\.4 and sees no GPU"),
        ({"cuda": None}, "built for CPUs only"),
    ],
)
def test_where_there_is_none_the_reason_is_told(machine, built, reason) -> None:
    machine(0, **built)
    assert usable_gpus("auto") == ()
    for asked in ("cuda", "cuda:0"):
        with pytest.raises(Unavailable, match=f"device {asked}: .*{reason}.*--device cpu"):
            usable_gpus(asked)


def test_rocm_is_found_without_nvidia_smi(machine) -> None:
    machine(2, cuda=None, hip="6.4")
    assert devices.gpu_count() == 2
    assert devices.describe_gpus() == "torch (ROCm 6.4) can use 2"


def test_a_variable_that_hides_gpus_is_named(machine, monkeypatch) -> None:
    machine(0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert "CUDA_VISIBLE_DEVICES=7 hides it" in why_none()


@pytest.mark.parametrize("trace", ["nvidia0", "nvidia3", "nvidiactl", "kfd", "dxg", "nvhost-gpu"])
def test_each_driver_is_seen(trace, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(devices.shutil, "which", lambda name: None)
    monkeypatch.setattr(devices, "Path", lambda text: tmp_path)
    assert not devices.driver_is_seen()
    (tmp_path / trace).touch()
    assert devices.driver_is_seen()


def test_without_a_driver_torch_is_not_even_imported(monkeypatch) -> None:
    monkeypatch.setattr(devices, "driver_is_seen", lambda: False)
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would fail
    assert devices.gpu_count() == 0
    monkeypatch.setattr(devices.platform, "system", lambda: "Linux")
    assert "no driver of an NVIDIA or AMD GPU" in devices.describe_gpus()
    monkeypatch.setattr(devices.platform, "system", lambda: "Darwin")
    assert "MPS" in devices.describe_gpus()


def test_a_process_sees_its_gpu_as_the_only_one(machine, monkeypatch) -> None:
    assert visible_gpu(1) == ("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, GPU-ab12")
    assert visible_gpu(1) == ("CUDA_VISIBLE_DEVICES", "GPU-ab12")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "3")
    assert visible_gpu(0) == ("HIP_VISIBLE_DEVICES", "3")
