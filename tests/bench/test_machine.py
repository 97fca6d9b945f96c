from __future__ import annotations

import pytest

from bench import machine


def test_the_machine_is_described():
    facts = machine.describe()
    assert facts["cores"] >= 1
    assert facts["memory_gb"] > 0.1
    assert facts["packages"]["numpy"]
    assert machine.describe()["fingerprint"] == facts["fingerprint"]
    assert machine.memory_mb() == pytest.approx(facts["memory_gb"] * 1024, rel=0.1)
