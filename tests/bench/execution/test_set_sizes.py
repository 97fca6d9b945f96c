"""Sets of several sizes: what is stored is what the codec makes of the parts of the set."""

import math

import numpy as np
import pytest
from mesh_datasets import load
from mesh_datasets.normalization import normalize

from baselines.mesh.draco_simplify import DracoSimplify, DracoSimplifyRate
from bench.__main__ import main
from bench.codec import Context, UserError
from bench.commands.set_sizes import chosen_rates
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from bench.registry import get
from bench.results.set_sizes import FILE, SetSize, append, read
from tests.reports.synthetic import write_run

COMMAND = ["set-sizes", "--codecs", "draco-simplify@f300q7", "--dataset", "procedural:4", "--samples", "2000"]


def test_bytes_and_errors_are_those_of_the_same_shapes(tmp_path, capsys):
    write_run(tmp_path, codecs=[])
    assert main([*COMMAND, "--sizes", "2,4", "--measure", "1", "--out", str(tmp_path)]) == 0
    codec, rate = DracoSimplify(), DracoSimplifyRate(300, 7)
    for size, count in zip(read(tmp_path), (2, 4), strict=True):
        meshes = [normalize(shape.load(), shape.name)[0] for shape in load("procedural:4").take(count)]
        parts = [codec.encode_shape(mesh, rate, Context()) for mesh in meshes]
        assert (size.shapes, size.failed, size.bytes_shared, size.measured) == (count, 0, 0, 1)
        assert size.bytes == sum(len(part) for part in parts)
        middle = count // 2
        decoded = codec.decode_shape(parts[middle].data, Context())
        error = measure(meshes[middle], decoded, Protocol(samples=2000))["surface_cd"]
        assert size.surface_cd == pytest.approx(error)
    text = capsys.readouterr().out
    assert "2: +" in text or "2: -" in text


def test_without_measuring_the_error_is_unknown(tmp_path, capsys):
    write_run(tmp_path, codecs=[])
    assert main([*COMMAND, "--sizes", "1", "--measure", "0", "--out", str(tmp_path)]) == 0
    (size,) = read(tmp_path)
    assert math.isnan(size.surface_cd)


def test_a_codec_without_a_rate_takes_its_whole_ladder():
    (named,) = chosen_rates(["meshset@f500"])
    assert (named.spec, named.label) == ("meshset", "f500")
    assert [rate.label for rate in chosen_rates(["draco"])] == list(get("draco").ladder)
    assert len(get("draco").short_ladder) < len(get("draco").ladder)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (["--sizes", "5"], "4 shapes, not 5"),
        (["--sizes", "2", "--out", "/nowhere"], "is not a run folder"),
        (["--sizes", "2", "--out", "{tmp}"], "is not a run folder: it has no manifest.json"),
    ],
)
def test_wrong_sizes_and_folders_are_refused(more, what, tmp_path, capsys):
    assert main([*COMMAND, *(word.format(tmp=tmp_path) for word in more)]) == 2
    assert what in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_latest_line_of_a_size_counts_and_damaged_ones_are_named(tmp_path):
    first = SetSize("sample", "meshset", "f300", 4, 0, 1000, 200, 3.5, 4, 1.0, 0.1)
    second = SetSize("sample", "meshset", "f300", 4, 0, 900, 100, 3.5, 4, 1.0, 0.1)
    for size in (first, second):
        append(tmp_path, size)
    assert read(tmp_path) == [second]
    assert second.marginal == np.mean([200.0] * 4)
    with (tmp_path / FILE).open("a") as file:
        file.write("sample,meshset,f300,four\n")
    with pytest.raises(UserError, match="line 4"):
        read(tmp_path)
    assert read(tmp_path / "nothing") == []
