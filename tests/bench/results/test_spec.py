from __future__ import annotations

import pytest

from bench.results.spec import CodecSpec, InvalidSpec, codec_name


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


@pytest.mark.parametrize(
    ("text", "settings"), [("draco", ""), ("a.b:C:x=0.5:y=on", "x=0.5, y=on"), ("necgs:width=8", "width=8")]
)
def test_settings_are_shown_as_they_were_written(text, settings):
    assert CodecSpec.parse(text).settings_text == settings


def test_variants_are_of_one_codec():
    assert {codec_name(text) for text in ("a.b:C", "a.b:C:x=1", "a.b:C:y=off:x=2")} == {"a.b:C"}
