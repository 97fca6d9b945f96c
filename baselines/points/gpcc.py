"""Codecs ``gpcc``, ``gpcc-octree``, ``gpcc-trisoup``: MPEG's geometry-based point cloud compression, program tmc3.

The settings are those of the common test conditions for dense ("solid") clouds, geometry only.
``neighbourAvailBoundaryLog2=8`` matters most: without it a dense surface costs 2.7 times the bits.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from baselines.points import point_cloud
from baselines.points.point_cloud import PLANES_BITS, CloudRate
from baselines.process import Program, run
from bench.codec import (
    Availability,
    CodecInfo,
    Context,
    CorruptArchive,
    EncodeFailed,
    Part,
    Rate,
    ShapeCodec,
)
from bench.codec.memory import allowed_memory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray
    from trimesh import Trimesh

TMC3 = Program(
    name="tmc3",
    variable="TMC3",
    source="https://github.com/MPEGGroup/mpeg-pcc-tmc13 (release-v23.0-rc2 was measured)",
    fetched="gpcc",
    version_pattern=r"tmc3 version (\S+)",
)
COMMON = (
    "--mode=0",
    "--disableAttributeCoding=1",
    "--neighbourAvailBoundaryLog2=8",
    "--intra_pred_max_node_size_log2=6",
    "--planarEnabled=0",
    "--planarModeIdcmUse=0",
    "--positionQuantizationScale=1",
)
OCTREE = (
    "--trisoupNodeSizeLog2=0",
    "--inferredDirectCodingMode=1",
    "--maxNumQtBtBeforeOt=4",
    "--minQtbtSizeLog2=0",
    "--mergeDuplicatedPoints=0",
)
TRISOUP = (
    "--inferredDirectCodingMode=0",
    "--trisoupQuantizationBits=2",
    "--trisoupFineRayTracingEnabled=0",
    "--trisoupImprovedEncoderEnabled=1",
    "--mergeDuplicatedPoints=1",
    # One slice, whatever the size: the release that was measured crashes where trisoup meets a cloud that it slices, as
    # the common test conditions want from a million points on. Smaller clouds come out the same, bit for bit.
    "--partitionMethod=0",
    "--enforceLevelLimits=0",
    "--sliceMaxPointsTrisoup=1000000000",
)
# Decoded trisoup points may leave the cube by the size of a node.
SLACK_VOXELS = 64


@dataclass(frozen=True)
class GpccRate(CloudRate):
    """Voxel depth, and how the voxels are coded.

    Args:
        trisoup_log2: 0 codes the octree without loss; 2 to 5 codes surface patches in nodes of 2^k voxels.
        cloud: ``exact``: every voxel that the surface passes through; ``sampled``: those of two million points on it,
            as papers mostly make their clouds.
    """

    trisoup_log2: int = 0
    cloud: str = "exact"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trisoup_log2 not in (0, 2, 3, 4, 5) or self.trisoup_log2 >= self.bits:
            raise ValueError(f"trisoup_log2 must be 0 or 2 to 5 and below bits, not {self.trisoup_log2}")
        if self.cloud not in ("exact", "sampled"):
            raise ValueError(f"cloud must be exact or sampled, not {self.cloud!r}")

    @property
    def lossless(self) -> bool:
        return self.trisoup_log2 == 0

    @property
    def auto_method(self) -> str:
        """Trisoup's patches are flat across a node, so its points are merged, though not to fewer than 7 bits."""
        if self.lossless or self.bits < PLANES_BITS:
            return super().auto_method
        if self.bits == PLANES_BITS or self.trisoup_log2 == 2:
            return "planes"
        return "planes4" if self.trisoup_log2 > 3 and self.bits > PLANES_BITS + 1 else "planes2"


def encoder_options(trisoup_log2: int) -> tuple[str, ...]:
    """tmc3's options, files left out. The common test conditions refine the patches at all node sizes but 2^2."""
    if trisoup_log2 == 0:
        return (*COMMON, *OCTREE)
    refine = int(trisoup_log2 > 2)
    return (
        *COMMON,
        *TRISOUP,
        f"--trisoupNodeSizeLog2={trisoup_log2}",
        f"--trisoupCentroidResidualEnabled={refine}",
        f"--trisoupFaceVertexEnabled={refine}",
    )


def tmc3_encode(voxels: NDArray[np.integer], trisoup_log2: int, context: Context) -> bytes:
    """Code (n, 3) voxels with tmc3.

    Raises:
        EncodeFailed: when the program fails or writes nothing. Its files are kept.
    """
    from baselines.points.point_ply import write_points

    folder = Path(tempfile.mkdtemp(prefix="tmc3-", dir=context.scratch))
    write_points(folder / "in.ply", voxels)
    files = ("--uncompressedDataPath=in.ply", "--compressedStreamPath=out.bin")
    run([TMC3.path(), *encoder_options(trisoup_log2), *files], folder, context, EncodeFailed)
    stream = folder / "out.bin"
    data = stream.read_bytes() if stream.exists() else b""
    if not data:
        raise EncodeFailed("tmc3 returned 0 and wrote no stream", f"its files are in {folder}")
    shutil.rmtree(folder)
    return data


def tmc3_decode(data: bytes, context: Context, count: int | None = None) -> NDArray[np.float64]:
    """Points (n, 3) of a tmc3 stream.

    Args:
        data: the stream.
        context: scratch folder and deadline.
        count: how many points there must be, where that is known.

    Raises:
        CorruptArchive: when the program fails or wants more memory than is allowed, or writes no points, the wrong
            number, or such as cannot be.
    """
    from baselines.points.merging import distinct

    folder = Path(tempfile.mkdtemp(prefix="tmc3-", dir=context.scratch))
    (folder / "in.bin").write_bytes(data)
    files = ("--compressedStreamPath=in.bin", "--reconstructedDataPath=out.ply")
    memory = allowed_memory(len(data), context.max_memory, point_cloud.FLOOR)
    run([TMC3.path(), "--mode=1", *files], folder, context, CorruptArchive, memory=memory)
    points = point_cloud.written_points(folder / "out.ply", len(data), context)
    if not len(points) or count not in (None, len(points)):
        raise CorruptArchive(f"tmc3 decoded {len(points)} points, {count or 'some'} were coded")
    if points.min() < -SLACK_VOXELS or points.max() > (1 << point_cloud.MAX_BITS) + SLACK_VOXELS:
        raise CorruptArchive(f"tmc3 decoded coordinates {points.min():g} .. {points.max():g}")
    shutil.rmtree(folder)
    return distinct(points)


class Gpcc(ShapeCodec):
    """G-PCC with the best of both its ways to code a surface at each rate."""

    info = CodecInfo(
        name="gpcc",
        version="4",
        title="G-PCC",
        summary="MPEG's geometry-based codec (tmc3): octree or trisoup, whichever is better at the rate",
        kind="points",
        licence="BSD-3-Clause",
        deterministic=False,  # the trisoup encoder estimates in floating point
        reference="ISO/IEC 23090-9",
    )
    rate_type: ClassVar[type[Rate]] = GpccRate
    # The lower hull of bytes against surface error over both tools: docs/codecs.md has the measurement.
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "t8-16": {"bits": 8, "trisoup_log2": 4},
        "t9-16": {"bits": 9, "trisoup_log2": 4},
        "o7": {"bits": 7},
        "t9-8": {"bits": 9, "trisoup_log2": 3},
        "o8": {"bits": 8},
        "o9": {"bits": 9},
    }

    def availability(self) -> Availability:
        return TMC3.availability()

    def provenance(self) -> dict[str, str]:
        return TMC3.provenance()

    def warm_up(self, device: str = "cpu") -> None:
        point_cloud.warm_up()

    def encode_shape(self, mesh: Trimesh, rate: GpccRate, context: Context) -> Part:
        cloud = point_cloud.sampled_voxels if rate.cloud == "sampled" else point_cloud.voxelize
        voxels = cloud(mesh, rate.bits, context)
        with context.phase("encode"):
            stream = tmc3_encode(voxels, rate.trisoup_log2, context)
        return point_cloud.pack(rate, {"points": stream})

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        rate, stream = point_cloud.unpack(data)
        with context.phase("decode"):
            points = tmc3_decode(stream, context)
        return point_cloud.surface_of(points, rate, context, coded=len(data))


class GpccOctree(Gpcc):
    """G-PCC's octree alone: fewer voxels, each coded without loss."""

    info = replace(
        Gpcc.info,
        name="gpcc-octree",
        title="G-PCC octree",
        summary="tmc3: lossless octree of fewer voxels",
        deterministic=True,
    )
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {f"b{bits}": {"bits": bits} for bits in (5, 6, 7, 8, 9)}


class GpccTrisoup(Gpcc):
    """G-PCC's trisoup alone: triangles in coarse nodes stand for the voxels."""

    info = replace(Gpcc.info, name="gpcc-trisoup", title="G-PCC trisoup", summary="tmc3: surface patches in nodes")
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "t8-16": {"bits": 8, "trisoup_log2": 4},
        "t9-16": {"bits": 9, "trisoup_log2": 4},
        "t9-8": {"bits": 9, "trisoup_log2": 3},
        "t9-4": {"bits": 9, "trisoup_log2": 2},
    }
