"""Settings of both NeCGS codecs: only what acts, refused by name where it does not; ladders and defaults."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from necgs.codec import NecgsCodec
from necgs.decoder.spec import BLOCK_SPARSE, DENSE
from necgs.paper_codec import NecgsPaperCodec
from necgs.paper_settings import PaperRate
from necgs.settings import LADDER, SHORT_LADDER, NecgsRate

OURS_ONLY = ("lambda", "block", "latent_channels", "entropy", "latent_learning_rate", "latent_step", "weight_step")
PAPERS_ONLY = ("ssim", "architecture")


def test_the_defaults_of_the_published_codec_are_the_papers() -> None:
    rate = PaperRate()
    assert rate.spec().parameter_count == 1_468_548
    assert (rate.resolution, rate.epochs, rate.batch, rate.learning_rate) == (128, 400, 4, 1e-3)
    assert (rate.fit, rate.entropy, rate.architecture, rate.ssim) == ("rendered", "huffman", "auto-decoder", True)
    assert rate.spec().variant == DENSE
    assert rate.training().loss.ssim == 10


@pytest.mark.parametrize("setting", OURS_ONLY)
def test_the_published_codec_has_no_setting_of_ours(setting: str) -> None:
    assert setting in NecgsRate.fields()
    with pytest.raises(ValueError, match=rf"unknown setting {setting};.*known: architecture"):
        PaperRate.of({setting: NecgsRate().settings()[setting]})


@pytest.mark.parametrize("setting", [*PAPERS_ONLY, "decoder", "def", "kaiming", "rate_weight", "latent_rate", "widths"])
def test_ours_has_no_setting_of_the_published_codec_and_none_of_yesterday(setting: str) -> None:
    with pytest.raises(ValueError, match=f"unknown setting {setting}"):
        NecgsRate.of({setting: True})


def test_lambda_is_called_lambda_outside_python() -> None:
    rate = NecgsRate.of({"lambda": 1e-3})
    assert rate.lambda_ == 1e-3
    assert rate.settings()["lambda"] == 1e-3
    assert NecgsRate.of(rate.settings()) == rate
    with pytest.raises(ValueError, match="unknown setting lambda_"):
        NecgsRate.of({"lambda_": 1e-3})


def test_every_setting_reaches_decoder_volume_training_or_entropy_coder() -> None:
    """No setting is silent: another value of it makes something else."""

    def made(rate: NecgsRate | PaperRate) -> tuple[object, ...]:
        return rate.spec(), rate.training(), rate.fit, rate.entropy, rate.channels

    others: dict[str, dict[str, Any]] = {
        "fit": {"fit": "none"},
        "entropy": {"entropy": "huffman"},
        "architecture": {"architecture": "auto-encoder"},
        "block": {"block": 8},
        "width": {"width": 8},
    }
    for rate_type in (NecgsRate, PaperRate):
        default = rate_type()
        for name, value in default.settings().items():
            other = others.get(name, {name: not value if isinstance(value, bool) else 2 * value})  # type: ignore[operator]
            if name in ("learning_rate", "lambda", "latent_learning_rate", "weight_step"):
                other = {name: value / 2}
            if name == "resolution":
                other = {name: value * 2}
            assert made(rate_type.of(other)) != made(default), name


@pytest.mark.parametrize(
    ("rate_type", "settings", "message"),
    [
        (NecgsRate, {"fit": "rendered"}, "fit=rendered has no effect with deformation=off"),
        (PaperRate, {"fit": "rendered", "deformation": False}, "fit=rendered has no effect with deformation=off"),
        (PaperRate, {"fit": "direct"}, "fit is one of auto, rendered, none"),
        (PaperRate, {"width": "64-48-32-24-16", "resolution": 64}, "width has 5 numbers; K = 64 has 4 doublings"),
        (PaperRate, {"width": "64-48-32"}, "width has 3 numbers; K = 128 has 5 doublings"),
        (PaperRate, {"resolution": 100}, "resolution must be a power of two"),
        (PaperRate, {"ssim": "yes"}, "ssim must be on or off"),
        (PaperRate, {"breadth": 3}, "unknown setting breadth"),
        (NecgsRate, {"entropy": "zip"}, "huffman, range"),
        (NecgsRate, {"width": 0}, "width must be a whole number"),
        (NecgsRate, {"width": True}, "width must be a whole number"),
        (NecgsRate, {"width": "64,48"}, "joined by"),
        (NecgsRate, {"width": 2.5}, "width must be a whole number"),
        (NecgsRate, {"resolution": 66}, "multiple of the block"),
        (NecgsRate, {"lambda": -1}, "lambda must lie between 0 and 1"),
        (NecgsRate, {"learning_rate": 7}, "learning_rate"),
        (NecgsRate, {"deformation": 1}, "deformation must be on or off"),
    ],
)
def test_settings_that_make_no_sense_are_named(
    rate_type: type[NecgsRate | PaperRate], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        rate_type.of(settings)


def test_widths_are_one_number_or_all() -> None:
    assert PaperRate(width="64-48-32-24-16").spec() == PaperRate(width=16).spec()
    assert NecgsRate(width="32-16-32").spec().widths == (32, 16, 32)
    assert NecgsRate().spec().variant == BLOCK_SPARSE


def test_without_deformation_the_published_fit_has_nothing_to_do() -> None:
    assert PaperRate(deformation=False).fit == "none"
    assert PaperRate.of(PaperRate(deformation=False).settings()).fit == "none"


def test_the_ladders_go_from_small_to_large_and_say_only_what_differs() -> None:
    # Of two neighbours, one is the finer grid or has the smaller lambda.
    rates = [NecgsRate.of(settings) for settings in NecgsCodec.ladder.values()]
    for a, b in pairwise(rates):
        assert b.resolution > a.resolution or b.lambda_ < a.lambda_
    assert all(set(settings) == {"resolution", "lambda"} for settings in LADDER.values())
    assert set(SHORT_LADDER) < set(LADDER)
    counts = [PaperRate.of(settings).spec().parameter_count for settings in NecgsPaperCodec.ladder.values()]
    assert counts == sorted(counts)
    assert len(counts) >= 4


def test_large_sets_are_passed_over_less_often_but_in_more_steps() -> None:
    rate = NecgsRate()
    assert [rate.training(shapes).epochs for shapes in (1, 12, 48, 192, 1200, 10**7)] == [1200, 400, 100, 50, 20, 1]
    steps = [rate.training(shapes).epochs * shapes for shapes in (48, 192, 600, 1200)]
    assert steps == sorted(steps)
    assert PaperRate().training(10_000).epochs == 400
