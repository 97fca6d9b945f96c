from __future__ import annotations

from pathlib import Path

import pytest

from bench import machine


def test_the_machine_is_described():
    facts = machine.describe()
    assert facts["cores"] >= 1
    assert facts["memory_gb"] > 0.1
    assert facts["packages"]["numpy"]
    assert machine.describe()["fingerprint"] == facts["fingerprint"]
    assert machine.memory_mb() == pytest.approx(facts["memory_gb"] * 1024, rel=0.1)


def test_without_a_driver_torch_is_not_even_imported(monkeypatch):
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    if not Path("/dev/nvidia0").exists():
        assert not machine.cuda_available()
