from __future__ import annotations

import pytest

from bench.planning.chosen_rates import ChosenRates, without_rates
from bench.planning.jobs import ladder
from bench.planning.profile import Profile
from bench.registry import get
from bench.results.spec import CodecSpec, InvalidSpec


@pytest.mark.parametrize(
    ("specs", "codecs", "labels"),
    [
        (["draco@q8", "identity"], ("draco", "identity"), {"draco": ("q8",)}),
        (["draco@q8+q9", "draco@q11"], ("draco",), {"draco": ("q8", "q9", "q11")}),
        (["necgs@k64:entropy=huffman"], ("necgs:entropy=huffman",), {"necgs:entropy=huffman": ("k64",)}),
        (["draco@q8", "draco"], ("draco",), {}),
        (["a.module:Codec@b5:x=1"], ("a.module:Codec:x=1",), {"a.module:Codec:x=1": ("b5",)}),
    ],
)
def test_labels_behind_an_at_sign(specs, codecs, labels):
    assert without_rates(specs) == (codecs, labels)


@pytest.mark.parametrize("text", ["draco@", "draco@q8+", "draco@:bits=3"])
def test_an_at_sign_without_a_label(text):
    with pytest.raises(InvalidSpec, match="NAME@RATE"):
        without_rates([text])


def draco(chosen: ChosenRates, profile: Profile | None = None) -> list[str]:
    return list(ladder(CodecSpec.parse("draco"), get("draco"), profile or Profile("p"), chosen))


def test_rates_come_from_the_whole_ladder_and_from_the_profiles_own():
    profile = Profile("p", rates={"draco": {"mine": {"bits": 9}}})
    assert draco(ChosenRates(by_codec={"draco": ("q12", "q8")}), profile) == ["q12", "q8"]
    assert draco(ChosenRates(("mine", "k64")), profile) == ["mine"]
    assert draco(ChosenRates(("q8",), {"draco": ("q9",)})) == ["q9"]
    assert draco(ChosenRates(by_codec={"necgs": ("k64",)}), profile) == ["mine"]


def test_a_rate_that_no_codec_runs_is_named_with_the_at_signs_that_go_before_it():
    assert ChosenRates(("q9", "k1")).complaint({"q9"}) == "--rates: none of the codecs has a rate k1"
    assert ChosenRates(("q9",), {"draco": ("q8",)}).complaint({"q8", "q9"}) == ""
    said = ChosenRates(("q9",), {"draco": ("q8", "q7")}).complaint({"q7", "q8"})
    assert said.startswith("--rates: no codec runs a rate q9; @ goes before --rates: draco@q8+q7 ")


@pytest.mark.parametrize("chosen", [ChosenRates(("q99",)), ChosenRates(by_codec={"draco": ("q8", "q99")})])
def test_an_unknown_rate_is_answered_with_the_known_ones(chosen):
    with pytest.raises(InvalidSpec, match=r"q99.*did you mean 'q9'\? \(known: q7, q8"):
        draco(chosen)
