"""Settings from a profile or command line against the types of the rate's fields."""

from dataclasses import dataclass

import pytest

from bench import registry
from bench.codec import Rate


@dataclass(frozen=True)
class Mixed(Rate):
    whole: int = 1
    number: float = 1.0
    switch: bool = True
    text: str = "a"
    either: int | str = "auto"
    lambda_: float | None = None
    own: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("whole", value) for value in (8.5, 8.0, True, "8", None, float("nan"), [8])),
        *(("number", value) for value in (float("nan"), float("inf"), "1", True, None)),
        *(("switch", value) for value in (1, "on", None)),
        *(("text", value) for value in (1, ["a"])),
        *(("either", value) for value in (1.5, True)),
        *(("lambda", value) for value in (float("nan"), "x")),
    ],
)
def test_a_value_of_another_type_is_refused_and_named(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        Mixed.of({name: value})


def test_what_fits_is_taken_and_types_that_are_not_ours_are_left_to_the_codec():
    settings = {"whole": 2, "number": 3, "switch": False, "text": "b", "either": 4, "lambda": None, "own": [1]}
    assert Mixed.of(settings).settings() == settings


@pytest.mark.parametrize(
    ("codec", "settings"),
    [("octree", {"bits": 8.5}), ("draco-simplify", {"faces": float("nan")}), ("quantdeepsdf", {"learning_rate": "x"})],
)
def test_codecs_of_the_project_refuse_them(codec, settings):
    with pytest.raises(ValueError, match="must be"):
        registry.get(codec).rate_type.of(settings)


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_ladders_and_defaults_have_the_types_of_their_fields(name):
    codec = registry.get(name)
    for own in codec.ladder.values():
        codec.rate_type.of(codec.rate_type.of(own).settings())
