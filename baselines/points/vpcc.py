"""Codec ``vpcc``: MPEG's video-based point cloud compression, programs PccAppEncoder and PccAppDecoder (tmc2).

One frame, all intra, geometry only, at the five rates of the common test conditions.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from baselines.points import point_cloud
from baselines.points.point_cloud import CloudRate
from baselines.process import Program, run
from bench.codec import (
    Availability,
    CodecInfo,
    Context,
    CorruptArchive,
    EncodeFailed,
    InvalidMesh,
    Part,
    Rate,
    ShapeCodec,
    Unavailable,
)
from bench.codec.memory import allowed_memory
from bench.codec.user_folders import fetch_command

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from trimesh import Trimesh

SOURCE = "https://github.com/MPEGGroup/mpeg-pcc-tmc2 (release-v24.0 was measured)"
VERSION = r"PccApp\w+ v(\S+)"
ENCODER = Program("PccAppEncoder", "PCC_APP_ENCODER", SOURCE, "vpcc", version_pattern=VERSION)
DECODER = Program("PccAppDecoder", "PCC_APP_DECODER", SOURCE, "vpcc", version_pattern=VERSION)
CONFIGURATION = "PCC_CFG_DIR"
CONFIGURATIONS = ("common/ctc-common.cfg", "condition/ctc-all-intra.cfg")
COLOURS = "hdrconvert/yuv420torgb444.cfg"
REMEDY = f"type: {fetch_command('vpcc')}; or set {CONFIGURATION} to the folder cfg of tmc2's sources"
# The encoder spends minutes on a cloud of one point and writes an empty stream.
FEWEST_VOXELS = 16
SLACK_VOXELS = 64
WIDEST = 1280
"""Pixels: tmc2's own least width of its images."""

TOO_NARROW = "out of boundary"
"""In what the encoder says when a patch is wider than the image."""


@dataclass(frozen=True)
class VpccRate(CloudRate):
    """Voxel depth and rate.

    Args:
        rate: 1 to 5: geometry QP 32, 28, 24, 20, 16 and occupancy precision 4, 4, 4, 4, 2.
    """

    bits: int = 9
    rate: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.rate <= 5:
            raise ValueError(f"rate must be 1 to 5, not {self.rate}")

    @property
    def lossless(self) -> bool:
        return False

    @property
    def auto_method(self) -> str:
        """Depth maps are noisy by a voxel, so that points are merged; less so at the finest rate."""
        if not self.planes_fit:
            return super().auto_method
        return "planes" if self.bits == point_cloud.PLANES_BITS or self.rate == 5 else "planes2"


class Vpcc(ShapeCodec):
    """Video-based point cloud compression of single clouds."""

    info = CodecInfo(
        name="vpcc",
        version="3",
        title="V-PCC",
        summary="MPEG's video-based codec (tmc2): depth maps of patches, coded as HEVC intra frames",
        kind="points",
        licence="BSD-3-Clause",
        deterministic=False,  # patches are cut by normals in floating point
        reference="ISO/IEC 23090-5",
    )
    rate_type: ClassVar[type[Rate]] = VpccRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {f"r{rate}": {"rate": rate} for rate in range(1, 6)}

    def availability(self) -> Availability:
        for program in (ENCODER, DECODER):
            if not (found := program.availability()).ok:
                return found
        try:
            configuration_folder()
        except Unavailable as error:
            return Availability(False, str(error).removesuffix(f" ({error.remedy})"), error.remedy)
        return Availability(ok=True)

    def provenance(self) -> dict[str, str]:
        return {**ENCODER.provenance(), **DECODER.provenance()}

    def warm_up(self, device: str = "cpu") -> None:
        point_cloud.warm_up()

    def encode_shape(self, mesh: Trimesh, rate: VpccRate, context: Context) -> Part:
        voxels = point_cloud.voxelize(mesh, rate.bits, context)
        if len(voxels) < FEWEST_VOXELS:
            raise InvalidMesh(f"{len(voxels)} voxels are too few for V-PCC, which needs {FEWEST_VOXELS}")
        with context.phase("encode"):
            stream = tmc2_encode(voxels, rate, context)
        return point_cloud.pack(rate, {"points": stream})

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        rate, stream = point_cloud.unpack(data)
        with context.phase("decode"):
            points = tmc2_decode(stream, context)
        return point_cloud.surface_of(points, rate, context, coded=len(data))


def configuration_folder() -> Path:
    """The ``cfg`` folder of the program's sources: named by PCC_CFG_DIR, or beside the encoder's ``bin`` folder.

    Raises:
        Unavailable: when the files that are needed are not in it.
    """
    named = os.environ.get(CONFIGURATION)
    encoder = ENCODER.find()
    folder = Path(named) if named else encoder.parent.parent / "cfg" if encoder else Path("cfg")
    for needed in (*CONFIGURATIONS, "rate/ctc-r1.cfg", COLOURS):
        if not (folder / needed).is_file():
            raise Unavailable(f"{folder} holds no {needed}", REMEDY)
    return folder.resolve()


def image_widths(bits: int) -> tuple[int, ...]:
    """Least widths of the images of patches, to be tried in turn: small clouds waste bits on tmc2's own, the last."""
    return tuple(dict.fromkeys((min(max(256, 1 << bits), WIDEST), WIDEST)))


def encoder_options(rate: VpccRate, configuration: Path, width: int, threads: int) -> list[str]:
    """PccAppEncoder's options, files left out."""
    files = [*CONFIGURATIONS, f"rate/ctc-r{rate.rate}.cfg"]
    return [
        f"--configurationFolder={configuration}/",
        *(f"--config={configuration / name}" for name in files),
        "--startFrameNumber=0",
        "--frameCount=1",
        "--groupOfFramesSize=1",
        f"--geometry3dCoordinatesBitdepth={rate.bits}",
        "--geometryNominal2dBitdepth=8",
        f"--minimumImageWidth={width}",
        "--minimumImageHeight=256",
        "--noAttributes=1",
        "--computeMetrics=0",
        f"--nbThread={threads}",
    ]


def tmc2_encode(voxels: NDArray[np.integer], rate: VpccRate, context: Context) -> bytes:
    """Code (n, 3) voxels, in wider images where a patch is wider than the image, which ends the encoder.

    Raises:
        EncodeFailed: when the program fails or writes nothing. Its files are kept.
    """
    from baselines.points.point_ply import write_points

    folder = Path(tempfile.mkdtemp(prefix="tmc2-", dir=context.scratch)).resolve()
    # The encoder reads colours even where it codes none: all points are grey.
    write_points(folder / "in.ply", voxels, colours=True)
    files = [f"--uncompressedDataPath={folder / 'in.ply'}", f"--compressedStreamPath={folder / 'out.bin'}"]
    for width in (widths := image_widths(rate.bits)):
        options = encoder_options(rate, configuration_folder(), width, context.threads)
        try:
            run([ENCODER.path(), *options, *files], folder, context, EncodeFailed)
            break
        except EncodeFailed as error:
            if width == widths[-1] or TOO_NARROW not in error.what:
                raise
    stream = folder / "out.bin"
    data = stream.read_bytes() if stream.exists() else b""
    if not data:
        raise EncodeFailed("PccAppEncoder returned 0 and wrote no stream", f"its files are in {folder}")
    shutil.rmtree(folder)
    return data


def tmc2_decode(data: bytes, context: Context) -> NDArray[np.float64]:
    """Points (n, 3) of a stream, without the duplicates that its two depth layers leave.

    Raises:
        CorruptArchive: when the program fails or wants more memory than is allowed, or writes no points or such as
            cannot be.
    """
    import numpy as np

    folder = Path(tempfile.mkdtemp(prefix="tmc2-", dir=context.scratch)).resolve()
    (folder / "in.bin").write_bytes(data)
    options = [
        f"--inverseColorSpaceConversionConfig={configuration_folder() / COLOURS}",
        f"--compressedStreamPath={folder / 'in.bin'}",
        f"--reconstructedDataPath={folder / 'out.ply'}",
        f"--nbThread={context.threads}",
        "--computeMetrics=0",
        # It compares with a file beside the stream, and fails where there is none.
        "--computeChecksum=0",
    ]
    memory = allowed_memory(len(data), context.max_memory, point_cloud.FLOOR)
    run([DECODER.path(), *options], folder, context, CorruptArchive, memory=memory)
    points = point_cloud.written_points(folder / "out.ply", len(data), context)
    if not len(points):
        raise CorruptArchive("PccAppDecoder decoded no points")
    if points.min() < -SLACK_VOXELS or points.max() > (1 << point_cloud.MAX_BITS) + SLACK_VOXELS:
        raise CorruptArchive(f"PccAppDecoder decoded coordinates {points.min():g} .. {points.max():g}")
    shutil.rmtree(folder)
    return np.unique(points, axis=0)
