"""Weights under groups of their own widths: what they cost, against Laplace's entropy; groups, against a loop."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest

from bench.codec import CorruptArchive
from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding import entropy
from necgs.coding.entropy import RANGE
from necgs.coding.frequency_table import LAPLACE, SCALES, fit_about_zero, write_levels
from necgs.coding.weight_model import MAX_REACH, WeightModel
from necgs.decoder.weight_groups import PREDICTOR, weight_groups

NEARNESS = np.array([1, 0.5, 0.2, 0.1])[np.abs(np.indices((3, 3, 3)) - 1).sum(axis=0)]
WIDTHS = np.array([20, 6, 3, 0.3, np.nan])[:, None, None, None] * NEARNESS
"""Of a convolution with five inputs, the last of which it does not use."""


def test_groups_of_a_convolution_are_inputs_and_kinds_of_neighbour() -> None:
    shape = (2, 3, 3, 3, 3)
    groups, met = weight_groups("conv0.weight", shape), {}
    for out, channel, i, j, k in itertools.product(*map(range, shape)):
        kind = sum(axis != 1 for axis in (i, j, k))
        assert met.setdefault((channel, kind), groups[out, channel, i, j, k]) == groups[out, channel, i, j, k]
    assert sorted(met.values()) == list(range(12))


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("synthesis.weight", (2, 3), [[0, 1, 2], [0, 1, 2]]),
        (PREDICTOR, (2, 3), [[0, 0, 0], [1, 1, 1]]),
        ("out.weight", (2, 2), [[0, 0], [0, 0]]),
        ("conv0.bias", (3,), [0, 0, 0]),
    ],
)
def test_groups_of_matrices(name: str, shape: tuple[int, ...], expected: list[object]) -> None:
    np.testing.assert_array_equal(weight_groups(name, shape), expected)


def random_tensors() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shape = (32, 5, 3, 3, 3)
    conv = np.rint(random.laplace(size=shape) * np.nan_to_num(WIDTHS))
    return {
        "synthesis.weight": np.rint(random.laplace(size=(64, 5)) * [40, 20, 10, 5, 1]).astype(np.int32),
        "synthesis.bias": np.zeros(64, np.int32),
        "conv0.weight": conv.astype(np.int32),
        "conv0.bias": random.integers(-300, 300, 32).astype(np.int32),
        "out.weight": np.rint(random.normal(size=(64, 32)) * 3).astype(np.int32),
        "out.bias": np.array([7] + [0] * 63, np.int32),
    }


def coded(tensors: dict[str, np.ndarray]) -> tuple[bytes, bytes]:
    model, fields, stream = WeightModel.fit(tensors), FieldWriter(), entropy.encoder(RANGE)
    model.write(fields)
    model.encode(stream, tensors)
    return fields.getvalue(), stream.getvalue()


def decoded(fields: bytes, stream: bytes, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    shapes = {name: codes.shape for name, codes in tensors.items()}
    reader = FieldReader(fields, "weights")
    model = WeightModel.read(reader, shapes)
    reader.end()
    return model.decode(entropy.decoder(RANGE, stream), shapes)


@pytest.mark.parametrize("only_zeros", [False, True])
def test_tensors_come_back(only_zeros: bool) -> None:
    tensors = random_tensors()
    if only_zeros:
        tensors = {name: np.zeros_like(codes) for name, codes in tensors.items()}
    back = decoded(*coded(tensors), tensors)
    assert list(back) == list(tensors)
    for name, codes in tensors.items():
        np.testing.assert_array_equal(back[name], codes)
        assert back[name].dtype == np.int32


def laplace_entropy(values: np.ndarray, width: np.ndarray) -> float:
    """Bits of rounded Laplace numbers of known widths."""
    size = np.abs(values)
    beyond = [np.exp(-(size + half) / width) for half in (-0.5, 0.5)]
    return -float(np.log2(np.where(size > 0, (beyond[0] - beyond[1]) / 2, 1 - beyond[1])).sum())


def test_every_group_costs_what_its_own_width_allows() -> None:
    codes = random_tensors()["conv0.weight"]
    widths = np.broadcast_to(WIDTHS, codes.shape)
    known = np.isfinite(widths)
    fields, stream = coded({"conv0.weight": codes})
    assert 8 * len(stream) < 1.01 * laplace_entropy(codes[known], widths[known])
    assert len(fields) < 30
    whole = entropy.encoder(RANGE)
    whole.numbers(codes, entropy.fit(RANGE, codes))
    assert len(fields) + len(stream) < 0.8 * len(whole.getvalue())


def test_a_group_of_zeros_has_no_width() -> None:
    tensors = WeightModel.fit(random_tensors()).tensors
    assert tensors["synthesis.bias"].widths == (None,)
    assert tensors["conv0.weight"].widths[16:] == (None,) * 4
    assert None not in tensors["conv0.weight"].widths[:8]


def test_the_best_width_of_laplace_numbers_is_theirs() -> None:
    values = np.rint(np.random.default_rng(1).laplace(scale=8.0, size=20_000)).astype(np.int32)
    table = fit_about_zero(values, 200)
    assert table.kind == LAPLACE
    assert 2 ** (table.scale / 8) / 16 == pytest.approx(8, rel=0.1)
    counts = np.bincount(values + 200, minlength=401)
    assert table.bits(counts) / len(values) == pytest.approx(np.log2(2 * np.e * 8), rel=0.01)


def test_a_weight_that_no_table_holds_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="use a larger step"):
        WeightModel.fit({"out.bias": np.array([0, 5000], np.int32)})


def test_a_width_for_zeros_alone_is_refused() -> None:
    tensors = {"out.bias": np.array([3, -3], np.int32)}
    fields, _ = coded(tensors)
    with pytest.raises(CorruptArchive, match="zeros have a width"):
        WeightModel.read(FieldReader(b"\0" + fields[1:], "weights"), {"out.bias": (2,)})


def test_fields_cut_short_are_refused() -> None:
    tensors = random_tensors()
    fields, _ = coded(tensors)
    shapes = {name: codes.shape for name, codes in tensors.items()}
    for length in range(len(fields)):
        with pytest.raises(CorruptArchive):
            WeightModel.read(FieldReader(fields[:length], "weights"), shapes)


@pytest.mark.parametrize(("level", "reach"), [(0, 0), (SCALES, MAX_REACH)])
def test_a_hostile_file_asks_for_little_memory(level: int, reach: int) -> None:
    """A convolution of 1,024 inputs, all of them zeros or under the widest table, from two thousand bytes."""
    shapes, groups = {"conv0.weight": (4, 1024, 3, 3, 3)}, 4 * 1024
    fields = FieldWriter()
    fields.unsigned(reach)
    write_levels(fields, (level,) * groups)
    fields.raw(bytes(groups // 8 if level else 0))
    model = WeightModel.read(FieldReader(fields.getvalue(), "weights"), shapes)
    tracemalloc.start()
    model.decode(entropy.decoder(RANGE, bytes(1000)), shapes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
