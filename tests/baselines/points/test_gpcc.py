"""G-PCC without and, marked ``tmc3``, with the real program."""

import re
import subprocess

import numpy as np
import pytest
import trimesh

from baselines.points import point_cloud
from baselines.points.gpcc import (
    TMC3,
    Gpcc,
    GpccOctree,
    GpccRate,
    GpccTrisoup,
    encoder_options,
    tmc3_decode,
    tmc3_encode,
)
from bench.codec import Archive, Context, CorruptArchive, DecodeFailed, EncodeFailed, Part, Unavailable
from bench.metrics.voxels import surface_voxels

# Copies the points into the stream and back, as a lossless program would; the decoder writes double coordinates.
FAITHFUL = """
options = dict(a[2:].split('=', 1) for a in sys.argv[1:])
if options['mode'] == '0':
    data = open(options['uncompressedDataPath'], 'rb').read()
    open(options['compressedStreamPath'], 'wb').write(data)
else:
    import array
    data = open(options['compressedStreamPath'], 'rb').read()
    head, body = data.split(b'end_header\\n', 1)
    open(options['reconstructedDataPath'], 'wb').write(
        head.replace(b'property float ', b'property float64 ')
        + b'element face 0\\nproperty list uint8 int32 vertex_index\\nend_header\\n'
        + array.array('d', array.array('f', body)).tobytes())
"""
VOXELS = np.array([[1, 2, 3], [4, 5, 6]])


def test_common_test_conditions():
    """The options that CTC asks for on dense clouds; the first is worth a factor 2.7."""
    for log2 in (0, 2, 3, 4, 5):
        options = encoder_options(log2)
        assert "--neighbourAvailBoundaryLog2=8" in options
        assert "--disableAttributeCoding=1" in options
        assert "--positionQuantizationScale=1" in options
        assert f"--trisoupNodeSizeLog2={log2}" in options
        assert len({option.split("=")[0] for option in options}) == len(options)
    assert "--inferredDirectCodingMode=1" in encoder_options(0)
    assert "--mergeDuplicatedPoints=0" in encoder_options(0)
    assert "--inferredDirectCodingMode=0" in encoder_options(3)
    assert "--trisoupCentroidResidualEnabled=1" in encoder_options(3)
    assert "--trisoupFaceVertexEnabled=0" in encoder_options(2)
    assert "--partitionMethod=0" in encoder_options(3)


@pytest.mark.parametrize("codec", [Gpcc(), GpccOctree(), GpccTrisoup()])
def test_ladders_are_valid(codec):
    rates = [GpccRate.of(settings) for settings in codec.ladder.values()]
    assert len(set(rates)) == len(rates) >= 4
    assert re.fullmatch(r"gpcc(-\w+)?", codec.info.name)


@pytest.mark.parametrize("settings", [{"trisoup_log2": 1}, {"trisoup_log2": 6}, {"bits": 4, "trisoup_log2": 4}])
def test_rates_are_checked(settings):
    with pytest.raises(ValueError, match="trisoup_log2"):
        GpccRate.of(settings)


def test_without_the_program_it_is_unavailable(monkeypatch):
    monkeypatch.setenv("TMC3", "/nowhere/tmc3")
    available = Gpcc().availability()
    assert not available.ok
    assert "mpeg-pcc-tmc13" in available.remedy
    with pytest.raises(Unavailable):
        tmc3_encode(VOXELS, 0, Context())


def test_round_trip_through_a_stand_in(stand_in, sphere):
    stand_in(FAITHFUL, "tmc3", "TMC3")
    codec, context = Gpcc(), Context()
    archive = codec.encode([sphere], GpccRate(bits=5), context)
    mesh = codec.decode(Archive(tuple(Part(part.data) for part in archive.shapes)), context)[0]
    assert not context.failures
    voxels = surface_voxels(np.asarray(sphere.triangles), 5)[0]
    assert np.allclose((mesh.metadata["points"] + 1) / 2 * 31, voxels)
    assert archive.ledger["header"] + archive.ledger["checksum"] == 5
    assert not list(context.scratch.glob("tmc3-*"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "wrote no stream"),
        ("open('out.bin', 'w')", "wrote no stream"),
        ("print('Unknown option'); sys.exit(1)", "Unknown option"),
        ("os.abort()", "signal 6"),
    ],
)
def test_a_broken_encoder_is_a_failure_and_leaves_its_files(stand_in, body, message):
    stand_in(body, "tmc3", "TMC3")
    context = Context()
    with pytest.raises(EncodeFailed, match=message):
        tmc3_encode(VOXELS, 0, context)
    assert list(context.scratch.glob("tmc3-*/in.ply"))


AXES = "".join(f"property float {axis}\\n" for axis in "xyz")
HEADER = f"ply\\nformat ascii 1.0\\nelement vertex %d\\n{AXES}end_header\\n"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("os.kill(os.getpid(), 11)", CorruptArchive),  # what tmc3 does on altered streams
        ('print("can\'t open output file!")', DecodeFailed),  # returns 0
        (f"open('out.ply', 'w').write('{HEADER}' % 0)", CorruptArchive),
        (f"open('out.ply', 'w').write('{HEADER}' % 3 + '1 2 3 4 5 6')", DecodeFailed),
        (f"open('out.ply', 'w').write('{HEADER}' % 1 + '1 2 3')", CorruptArchive),  # two are expected
        (f"open('out.ply', 'w').write('{HEADER}' % 2 + '-2147483648 ' * 6)", CorruptArchive),
    ],
)
def test_a_broken_decoder_is_told_from_a_good_one(stand_in, body, error):
    stand_in(body, "tmc3", "TMC3")
    with pytest.raises(error):
        tmc3_decode(b"stream", Context(), count=2)


def test_altered_bytes_never_reach_the_program(stand_in, sphere):
    stand_in(FAITHFUL, "tmc3", "TMC3")
    codec = Gpcc()
    data = codec.encode([sphere], GpccRate(bits=4), Context()).shapes[0].data
    stand_in("open('/dev/null'); sys.exit(77)", "tmc3", "TMC3")
    for broken in (data[:-1], data[1:], data[:20] + bytes([data[20] ^ 1]) + data[21:]):
        context = Context()
        codec.decode(Archive((Part(broken),)), context)
        assert context.failures[0].status == "corrupt"
        assert "77" not in context.failures[0].message


@pytest.mark.tmc3
def test_lossless_sizes_agree_with_a_direct_run(tmp_path):
    voxels = surface_voxels(np.asarray(trimesh.creation.torus(0.7, 0.25).triangles), 7)[0]
    context = Context()
    data = tmc3_encode(voxels, 0, context)
    assert np.array_equal(tmc3_decode(data, context, len(voxels)), voxels)
    # The same cloud, written by another library as ascii, coded by a command typed by hand.
    lines = "\n".join(" ".join(map(str, v)) for v in voxels)
    header = f"ply\nformat ascii 1.0\nelement vertex {len(voxels)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz") + "end_header\n"
    (tmp_path / "a.ply").write_text(header + lines + "\n")
    command = (
        f"{TMC3.path()} --mode=0 --uncompressedDataPath=a.ply --compressedStreamPath=a.bin --disableAttributeCoding=1 "
        "--neighbourAvailBoundaryLog2=8 --intra_pred_max_node_size_log2=6 --planarEnabled=0 --planarModeIdcmUse=0 "
        "--trisoupNodeSizeLog2=0 --inferredDirectCodingMode=1 --maxNumQtBtBeforeOt=4 --minQtbtSizeLog2=0 "
        "--positionQuantizationScale=1 --mergeDuplicatedPoints=0"
    )
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "a.bin").read_bytes() == data


@pytest.mark.tmc3
@pytest.mark.parametrize("log2", [2, 3, 4])
def test_trisoup_comes_near_the_cloud(sphere, log2):
    voxels = surface_voxels(np.asarray(sphere.triangles), 7)[0]
    context = Context()
    data = tmc3_encode(voxels, log2, context)
    points = tmc3_decode(data, context)
    radius = np.linalg.norm(points / 127 * 2 - 1, axis=1)
    assert abs(radius - 0.8).mean() < 0.02
    assert len(data) < len(tmc3_encode(voxels, 0, context))


@pytest.mark.tmc3
def test_trisoup_takes_clouds_of_more_than_a_million_points():
    """The program crashes where it slices them."""
    sphere = trimesh.creation.icosphere(subdivisions=2)
    voxels = surface_voxels(np.asarray(sphere.triangles), 9)[0]
    assert len(voxels) > 1_100_000
    context = Context()
    points = tmc3_decode(tmc3_encode(voxels, 4, context), context)
    assert len(points) > 0.75 * len(voxels)


@pytest.mark.tmc3
def test_damaged_streams_are_refused_by_the_program_too(sphere):
    voxels = surface_voxels(np.asarray(sphere.triangles), 6)[0]
    context = Context()
    data = tmc3_encode(voxels, 0, context)
    for broken in (b"", b"garbage", data[: len(data) // 2]):
        with pytest.raises((CorruptArchive, DecodeFailed)):
            tmc3_decode(broken, context, len(voxels))


def test_a_sampled_cloud_is_nearly_all_of_the_exact_one_and_nothing_else(stand_in, sphere):
    exact = point_cloud.voxelize(sphere, 6, Context())
    sampled = point_cloud.sampled_voxels(sphere, 6, Context())
    inside = {tuple(voxel) for voxel in exact.tolist()}
    assert {tuple(voxel) for voxel in sampled.tolist()} <= inside
    assert 0.97 * len(exact) < len(sampled) < len(exact)
    assert np.array_equal(sampled, np.unique(sampled, axis=0))
    assert np.array_equal(sampled, point_cloud.sampled_voxels(sphere, 6, Context()))
    stand_in(FAITHFUL, "tmc3", "TMC3")
    (part,) = Gpcc().encode([sphere], GpccRate(bits=6, cloud="sampled"), Context()).shapes
    assert point_cloud.unpack(part.data)[1].count(b"element vertex %d\n" % len(sampled)) == 1
    with pytest.raises(ValueError, match="exact or sampled"):
        GpccRate(cloud="dense")
