from __future__ import annotations

import dataclasses

import pytest

from bench.planning.chosen_rates import ChosenRates
from bench.planning.jobs import Job, check_codecs_named, ladder, plan
from bench.planning.profile import InvalidProfile, Profile, parse, read, shipped
from bench.registry import UnknownCodec, get, names
from bench.results.spec import CodecSpec, InvalidSpec
from tests.bench.doubles import Rounding

ROUNDING = "tests.bench.doubles:Rounding"


def make_job(**changes) -> Job:
    fields = dict.fromkeys(("dataset", "codec", "name", "rate", "version", "device", "protocol", "shapes"), "x")
    return Job(**{**fields, "settings": {"a": 1}, "seed": 0, **changes})


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Job)])
def test_the_key_depends_on_everything(name):
    changed = {"settings": {"a": 2}, "seed": 1}.get(name, "y")
    assert make_job().key == make_job().key
    assert make_job(**{name: changed}).key != make_job().key


def test_the_archive_does_not_depend_on_how_it_is_measured():
    assert make_job(protocol="y").archive_key == make_job().archive_key
    assert make_job(settings={"a": 2}).archive_key != make_job().archive_key


def test_profile_rates_replace_the_ladder_and_a_spec_overrides_both():
    profile = Profile("p", settings={ROUNDING: {"steps": 5}}, rates={ROUNDING: {"default": {}, "nine": {"steps": 9}}})
    assert ladder(CodecSpec.parse(ROUNDING), Rounding(), profile) == {"default": {"steps": 5}, "nine": {"steps": 9}}
    one = ChosenRates(("g256",))
    assert ladder(CodecSpec.parse(f"{ROUNDING}:steps=3"), Rounding(), Profile("p"), one) == {"g256": {"steps": 3}}


def necgs(profile: Profile, text: str = "necgs") -> dict:
    spec = CodecSpec.parse(text)
    return ladder(spec, get(spec.name), profile)


def test_a_profiles_settings_act_on_the_codecs_own_ladder():
    profile = Profile("p", settings={"necgs": {"epochs": 7}, "draco": {}}, rates={"necgs": ("k96", "k64")})
    rates = necgs(profile)
    assert list(rates) == ["k96", "k64"]
    assert {rate["epochs"] for rate in rates.values()} == {7}
    assert [rate["lambda"] for rate in rates.values()] == [4e-3, 16e-3]
    assert {rate["epochs"] for rate in necgs(profile, "necgs:epochs=3").values()} == {3}
    assert {rate["epochs"] for rate in necgs(Profile("p")).values()} == {100}


def test_a_rates_own_setting_comes_before_the_profiles_and_a_spec_before_both():
    table = {"a": {"lambda": 1e-3}, "b": {}}
    profile = Profile("p", settings={"necgs": {"lambda": 2e-3}}, rates={"necgs": table})
    assert [rate["lambda"] for rate in necgs(profile).values()] == [1e-3, 2e-3]
    wider = {"a": {"lambda": 1e-3, "width": 8}, "b": {}}
    profile = Profile("p", settings={"necgs": {"lambda": 2e-3}}, rates={"necgs": wider})
    assert [rate["lambda"] for rate in necgs(profile, "necgs:lambda=3e-3").values()] == [3e-3, 3e-3]


@pytest.mark.parametrize("rates", [{}, {"necgs": ("k64",)}, {"necgs": {"a": {"resolution": 32}}}])
def test_a_setting_that_every_rate_overrides_is_refused_by_name(rates):
    profile = Profile("mine", settings={"necgs": {"epochs": 5, "resolution": 64}}, rates=rates)
    with pytest.raises(InvalidSpec, match=r"profile mine: resolution under settings\.necgs has no effect"):
        necgs(profile)


def test_a_short_profile_runs_the_short_ladders():
    assert list(necgs(Profile("p", ladder="short"))) == ["k64", "k96-coarse", "k96", "k128", "k128-fine"]
    assert list(necgs(Profile("p"))) == [*get("necgs").ladder]
    assert ladder(CodecSpec.parse(ROUNDING), Rounding(), Profile("p", ladder="short")).keys() == Rounding.ladder.keys()


def test_a_label_that_is_not_in_the_ladder_is_refused_with_the_known_ones():
    with pytest.raises(InvalidSpec, match=r"rates\.necgs names k65; did you mean 'k96'\? \(necgs has .*: k64, k96"):
        necgs(Profile("p", rates={"necgs": ("k64", "k65")}))


@pytest.mark.parametrize("table", ["settings", "rates", "leave_out"])
def test_a_codec_that_does_not_exist_is_not_passed_over(table):
    value = {"settings": {}, "rates": {"a": {}}, "leave_out": "slow"}[table]
    with pytest.raises(InvalidSpec, match=rf"{table}\.necg: there is no codec 'necg'"):
        check_codecs_named(Profile("p", **{table: {"necg": value}}))
    check_codecs_named(Profile("p", **{table: {ROUNDING: value}}))


@pytest.mark.parametrize("name", names())
def test_ladders_say_only_what_differs_and_short_ones_are_parts_of_them(name):
    codec = get(name)
    assert set(codec.short_ladder) <= set(codec.ladder)
    if len(codec.ladder) > 1:
        for setting in {key for own in codec.ladder.values() for key in own}:
            assert len({own.get(setting) for own in codec.ladder.values()}) > 1, f"{setting} belongs into the defaults"


def test_quick_leaves_the_published_codec_out_and_says_why():
    assert "hours" in read("quick").leave_out["necgs-paper"]
    assert {"necgs", "necgs-paper"} <= set(read("paper").codecs)
    assert {"necgs", "necgs-paper"} <= set(read("decoders").codecs)


def test_a_codec_that_has_no_use_for_a_gpu_is_keyed_as_cpu():
    jobs = plan([CodecSpec.parse(ROUNDING)], Profile("p"), dataset="d", shapes="s", protocol="m", seed=0, device="cuda")
    assert [job.device for job in jobs] == ["cpu", "cpu"]


@pytest.mark.parametrize("name", shipped())
def test_shipped_profiles_are_valid_and_their_rates_fit_the_codecs(name):
    profile = read(name)
    assert profile.description
    check_codecs_named(profile)
    for codec in names():
        assert ladder(CodecSpec.parse(codec), get(codec), profile)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"colour": 1}, "unknown key colour; known: codecs"),
        ({"limit": 0}, "limit must be a positive integer"),
        ({"limit": True}, "limit must be a positive integer"),
        ({"codecs": []}, "must be a list"),
        ({"timeout_s": {"encode": -1}}, "timeout_s.encode"),
        ({"timeout_s": {"encoding": 1}}, "encoding"),
        ({"rates": {"draco": {}}}, "rates.draco"),
        ({"rates": {"draco": {"q8": 8}}}, "rates.draco"),
        ({"rates": {"draco": []}}, "rates.draco"),
        ({"rates": {"draco": ["q8", "q8"]}}, "rates.draco.*each once"),
        ({"rates": {"draco": [8]}}, "rates.draco"),
        ({"rates": ["q8"]}, "rates must be a table"),
        ({"timeout_s": float("nan")}, "timeout_s must be a table"),
        ({"settings": {"draco": 8}}, "settings.draco"),
        ({"leave_out": {"draco": ""}}, "leave_out.draco must say why"),
        ({"ladder": "tall"}, "ladder is one of full, short"),
    ],
)
def test_an_invalid_profile_is_explained(content, message):
    with pytest.raises(InvalidProfile, match=message):
        parse("p", content)


def test_a_profile_of_the_users_own_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("limit = 3\n[rates]\noctree = ['b5']\n[rates.draco]\nq8 = { bits = 8 }\n")
    assert read(str(path)).rates == {"octree": ("b5",), "draco": {"q8": {"bits": 8}}}
    path.write_text("limit = ")
    with pytest.raises(InvalidProfile, match=r"mine\.toml"):
        read(str(path))


@pytest.mark.parametrize("name", ["nothing", "tests.bench.doubles:Nothing", "no.such.module:X", "pathlib:Path"])
def test_an_unknown_codec_is_an_error(name):
    with pytest.raises(UnknownCodec):
        get(name)


def test_rates_that_overrides_make_the_same_are_refused() -> None:
    profile, codec = read("quick"), get("draco")
    with pytest.raises(InvalidSpec, match="q7, q8, q9, q10, q12 are the same; name one: draco@q7:bits=9"):
        ladder(CodecSpec.parse("draco:bits=9"), codec, profile)
    one = ladder(CodecSpec.parse("draco:bits=9"), codec, profile, ChosenRates((), {"draco:bits=9": ("q8",)}))
    assert list(one) == ["q8"]
