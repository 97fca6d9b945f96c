"""V-PCC without and, marked ``tmc2``, with the real programs."""

import numpy as np
import pytest
import trimesh

from baselines.points.vpcc import Vpcc, VpccRate, encoder_options, image_widths, tmc2_decode, tmc2_encode
from bench.codec import Archive, Context, CorruptArchive, DecodeFailed, EncodeFailed, Part, Unavailable
from bench.metrics.voxels import surface_voxels

VOXELS = np.argwhere(np.ones((4, 4, 4)))
OPTIONS = "options = dict(a[2:].split('=', 1) for a in sys.argv[1:])\n"
# Refuses what makes the real encoder crash, then copies the file; the decoder writes every point twice, as ascii.
ENCODER = (
    OPTIONS
    + """
data = open(options['uncompressedDataPath'], 'rb').read()
if b'property uchar red' not in data: os.kill(os.getpid(), 11)
if options['noAttributes'] != '1': sys.exit(1)
open(options['compressedStreamPath'], 'wb').write(data)
"""
)
DECODER = (
    OPTIONS
    + """
import struct
if not os.path.exists(options['inverseColorSpaceConversionConfig']): sys.exit(255)
if options.get('computeChecksum') != '0': sys.exit(1)
head, body = open(options['compressedStreamPath'], 'rb').read().split(b'end_header\\n', 1)
points = [struct.unpack_from('<fff', body, at) for at in range(0, len(body), 15)]
with open(options['reconstructedDataPath'], 'w') as out:
    out.write('ply\\nformat ascii 1.0\\nelement vertex %d\\n' % (2 * len(points)))
    out.write('property float x\\nproperty float y\\nproperty float z\\nelement face 0\\n')
    out.write('property list uint8 int32 vertex_index\\nend_header\\n')
    for p in points + points: out.write('%g %g %g\\n' % p)
"""
)


@pytest.fixture
def configuration(tmp_path, monkeypatch):
    folder = tmp_path / "cfg"
    names = ["common/ctc-common.cfg", "condition/ctc-all-intra.cfg", "hdrconvert/yuv420torgb444.cfg"]
    for name in [*names, *(f"rate/ctc-r{rate}.cfg" for rate in range(1, 6))]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    monkeypatch.setenv("PCC_CFG_DIR", str(folder))
    return folder


@pytest.fixture
def programs(stand_in, configuration):
    def make(encoder=ENCODER, decoder=DECODER):
        stand_in(encoder, "PccAppEncoder", "PCC_APP_ENCODER")
        stand_in(decoder, "PccAppDecoder", "PCC_APP_DECODER")

    make()
    return make


def test_command_line(configuration):
    options = encoder_options(VpccRate(bits=8, rate=5), configuration, 256, 2)
    assert options[0] == f"--configurationFolder={configuration}/"
    assert [option.rsplit("/", 1)[1] for option in options[1:4]] == [
        "ctc-common.cfg",
        "ctc-all-intra.cfg",
        "ctc-r5.cfg",
    ]
    for needed in (
        "--geometry3dCoordinatesBitdepth=8",
        "--noAttributes=1",
        "--frameCount=1",
        "--minimumImageWidth=256",
        "--minimumImageHeight=256",
        "--nbThread=2",
    ):
        assert needed in options


@pytest.mark.parametrize(
    ("bits", "widths"), [(6, (256, 1280)), (8, (256, 1280)), (9, (512, 1280)), (10, (1024, 1280)), (11, (1280,))]
)
def test_images_are_as_wide_as_the_cloud_and_wider_where_that_does_not_do(bits, widths):
    assert image_widths(bits) == widths


def test_a_patch_that_is_wider_than_the_image_costs_a_second_try(programs):
    too_narrow = "print('patch2Canvas (x,y) is out of boundary : frame 0'); sys.exit(180)"
    programs(
        encoder=f"{OPTIONS}\nif options['minimumImageWidth'] != '1280': {too_narrow}{ENCODER.removeprefix(OPTIONS)}"
    )
    context = Context()
    assert tmc2_encode(VOXELS, VpccRate(), context)
    assert not list(context.scratch.glob("tmc2-*"))
    programs(encoder=too_narrow)
    with pytest.raises(EncodeFailed, match="out of boundary"):
        tmc2_encode(VOXELS, VpccRate(), context)


def test_what_turns_the_points_into_triangles_depends_on_their_noise():
    assert [VpccRate(rate=rate).method for rate in range(1, 6)] == ["planes2"] * 4 + ["planes"]
    assert [VpccRate(bits=bits).method for bits in (6, 7, 11)] == ["pymeshlab", "planes", "pymeshlab"]


def test_ladder_is_the_five_rates():
    assert [VpccRate.of(settings).rate for settings in Vpcc.ladder.values()] == [1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="rate"):
        VpccRate(rate=6)


def test_each_missing_piece_is_named(programs, configuration, monkeypatch):
    assert Vpcc().availability().ok
    (configuration / "rate/ctc-r1.cfg").unlink()
    assert "ctc-r1.cfg" in Vpcc().availability().reason
    assert "PCC_CFG_DIR" in Vpcc().availability().remedy
    with pytest.raises(Unavailable, match=r"ctc-r1\.cfg"):
        tmc2_encode(VOXELS, VpccRate(), Context())
    monkeypatch.setenv("PCC_APP_DECODER", "/nowhere")
    assert "PCC_APP_DECODER=/nowhere" in Vpcc().availability().reason


def test_round_trip_through_stand_ins(programs, sphere):
    codec, context = Vpcc(), Context()
    archive = codec.encode([sphere], VpccRate(bits=5), context)
    mesh = codec.decode(Archive(tuple(Part(part.data) for part in archive.shapes)), context)[0]
    assert not context.failures
    voxels = surface_voxels(np.asarray(sphere.triangles), 5)[0]
    assert np.allclose((mesh.metadata["points"] + 1) / 2 * 31, voxels)  # no duplicate is left
    assert not list(context.scratch.glob("tmc2-*"))


def test_clouds_of_a_few_points_are_refused(programs):
    context = Context()
    Vpcc().encode([trimesh.creation.icosphere(radius=0.01)], VpccRate(bits=4), context)
    assert context.failures[0].status == "invalid_mesh"


@pytest.mark.parametrize(
    ("body", "message"),
    [("", "wrote no stream"), ("os.kill(os.getpid(), 11)", "signal 11"), ("print('oops'); sys.exit(255)", "255: oops")],
)
def test_a_broken_encoder(programs, body, message):
    programs(encoder=body)
    with pytest.raises(EncodeFailed, match=message):
        tmc2_encode(VOXELS, VpccRate(bits=4), Context())


AXES = "".join(f"property float {axis}\\n" for axis in "xyz")
HEADER = f"ply\\nformat ascii 1.0\\nelement vertex 0\\n{AXES}end_header\\n"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("os.kill(os.getpid(), 11)", CorruptArchive),
        ("pass", DecodeFailed),
        (OPTIONS + f"open(options['reconstructedDataPath'], 'w').write('{HEADER}')", CorruptArchive),  # rc 0, no points
    ],
)
def test_a_broken_decoder(programs, body, error):
    programs(decoder=body)
    with pytest.raises(error):
        tmc2_decode(b"stream", Context())


@pytest.mark.tmc2
def test_real_programs_come_near_the_cloud():
    mesh = trimesh.creation.torus(0.7, 0.25)
    voxels = surface_voxels(np.asarray(mesh.triangles), 6)[0]
    context = Context()
    sizes = []
    for rate in (1, 5):
        data = tmc2_encode(voxels, VpccRate(bits=6, rate=rate), context)
        points = tmc2_decode(data, context)
        sizes.append(len(data))
        ring = np.hypot(*(points[:, :2] / 63 * 2 - 1).T) - 0.7
        tube = np.hypot(ring, points[:, 2] / 63 * 2 - 1) - 0.25
        assert abs(tube).mean() < 0.03
        assert np.array_equal(points, np.rint(points))
    assert sizes[0] < sizes[1]
