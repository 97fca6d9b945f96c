from __future__ import annotations

import pytest

from bench.__main__ import main
from bench.conformance import Kit, _keeps_order, _odd_meshes, _refuses_damage, _round_trip, meshes, odd_meshes
from bench.registry import get


def kit(tmp_path, codec: str) -> Kit:
    return Kit(f"tests.bench.doubles:{codec}", {"steps": 64}, "cpu", tmp_path)


def test_a_codec_that_does_not_notice_damage_fails(tmp_path):
    subject = kit(tmp_path, "Trusting")
    _, archive = subject.encode(meshes())
    first = next(iter(_refuses_damage(subject, archive)))
    assert not first.ok
    assert "not noticed" in first.detail


def test_a_codec_whose_bytes_change_fails(tmp_path):
    verdicts = {}
    for verdict in _round_trip(kit(tmp_path, "Unseeded"), deterministic=True):
        verdicts[verdict.name] = verdict.ok
        if "bytes" in verdicts and "same seed" in verdict.name:
            break
        if verdict.name.startswith("same seed"):
            break
    assert verdicts["encodes a set"]
    assert not verdicts["same seed, same bytes"]


def test_shapes_in_the_wrong_order_are_noticed():
    a, b, c = meshes()
    assert _keeps_order([a, b, c], [a, b, c]).ok
    assert not _keeps_order([a, b, c], [b, a, c]).ok
    assert not _keeps_order([a, b, c], [a, b]).ok


def test_odd_meshes_are_what_their_names_say():
    odd = odd_meshes()
    assert len(odd["no faces"].faces) == 0
    assert len(odd["one triangle"].faces) == 1
    assert not odd["open sheet"].is_watertight
    assert odd["open sheet"].area == pytest.approx(4.0)
    assert max(odd["non-manifold fan"].edges_sorted.tolist().count([0, 1]) for _ in range(1)) == 3
    assert odd["huge"].extents.max() > 1e6


def test_a_refusal_that_costs_the_neighbours_fails(tmp_path):
    first = next(iter(_odd_meshes(kit(tmp_path, "Raising"))))
    assert not first.ok


def test_a_good_codec_passes_the_whole_kit(capsys):
    assert main(["check-codec", "tests.bench.doubles:Rounding"]) == 0
    assert capsys.readouterr().out.count("ok  ") == 22


def test_what_cannot_be_checked_is_said(capsys):
    assert main(["check-codec", "tests.bench.doubles:Missing"]) == 3
    assert main(["check-codec", "nothing"]) == 2
    assert main(["check-codec", "tests.bench.doubles:Rounding", "--device", "cuda:99"]) == 3
    told = capsys.readouterr().err
    assert get("tests.bench.doubles:Missing").availability().remedy in told
    assert "device cuda:99: there is no" in told
