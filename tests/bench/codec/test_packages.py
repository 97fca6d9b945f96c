from bench.codec import packages


def test_what_is_missing_is_named_by_its_package(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name in ("igl", "absent") else object())
    assert packages.missing_packages("there").ok
    found = packages.missing_packages("there", "absent", igl="libigl", numba="numba")
    assert not found.ok
    assert found.reason == "package absent, libigl is not installed"
    assert found.remedy == "type: pip install absent libigl"
