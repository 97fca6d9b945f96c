from __future__ import annotations

import dataclasses

import pytest

from bench.planning.jobs import CodecSpec, InvalidSpec, Job, ladder, plan
from bench.planning.profile import InvalidProfile, Profile, parse, read, shipped
from bench.registry import UnknownCodec, get, names
from tests.bench.doubles import Rounding

ROUNDING = "tests.bench.doubles:Rounding"


@pytest.mark.parametrize(
    ("text", "name", "overrides"),
    [
        ("draco", "draco", {}),
        ("necgs:width=8:ssim=off", "necgs", {"width": 8, "ssim": False}),
        ("a.b:C", "a.b:C", {}),
        ("a.b:C:x=0.5:y=on:z=text", "a.b:C", {"x": 0.5, "y": True, "z": "text"}),
    ],
)
def test_specs_are_parsed(text, name, overrides):
    spec = CodecSpec.parse(text)
    assert (spec.name, spec.overrides, spec.text) == (name, overrides, text)


@pytest.mark.parametrize("text", ["", "a=3", ":=3", "draco:=3"])
def test_a_malformed_spec_is_an_error(text):
    with pytest.raises(InvalidSpec):
        CodecSpec.parse(text)


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
    assert ladder(CodecSpec.parse(f"{ROUNDING}:steps=3"), Rounding(), Profile("p")) == {
        "g16": {"steps": 3},
        "g256": {"steps": 3},
    }


def test_a_codec_that_has_no_use_for_a_gpu_is_keyed_as_cpu():
    jobs = plan([CodecSpec.parse(ROUNDING)], Profile("p"), dataset="d", shapes="s", protocol="m", seed=0, device="cuda")
    assert [job.device for job in jobs] == ["cpu", "cpu"]


@pytest.mark.parametrize("name", shipped())
def test_shipped_profiles_are_valid_and_their_rates_fit_the_codecs(name):
    profile = read(name)
    assert profile.description
    for codec in {*profile.rates, *profile.settings} & set(names()):
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
    ],
)
def test_an_invalid_profile_is_explained(content, message):
    with pytest.raises(InvalidProfile, match=message):
        parse("p", content)


def test_a_profile_of_the_users_own_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("limit = 3\n[rates.draco]\nq8 = { bits = 8 }\n")
    assert read(str(path)).rates == {"draco": {"q8": {"bits": 8}}}
    path.write_text("limit = ")
    with pytest.raises(InvalidProfile, match=r"mine\.toml"):
        read(str(path))


@pytest.mark.parametrize("name", ["nothing", "tests.bench.doubles:Nothing", "no.such.module:X", "pathlib:Path"])
def test_an_unknown_codec_is_an_error(name):
    with pytest.raises(UnknownCodec):
        get(name)
