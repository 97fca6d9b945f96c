"""Codec ``octree``: surface voxels, coded without loss by the project's own octree coder."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from baselines import point_cloud
from baselines.point_cloud import CloudRate
from bench.codec import CodecInfo, Context, CorruptArchive, Part, Rate, ShapeCodec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trimesh import Trimesh


class Octree(ShapeCodec):
    """A point-cloud codec that needs no program: the rate is the voxel depth, the coder loses nothing."""

    info = CodecInfo(
        name="octree",
        version="1",
        title="Octree",
        summary="Surface voxels in a losslessly coded octree with adaptive contexts; screened Poisson back",
        kind="points",
        licence="MIT",
        reference="docs/codecs.md",
    )
    rate_type: ClassVar[type[Rate]] = CloudRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {f"b{bits}": {"bits": bits} for bits in (5, 6, 7, 8, 9)}

    def encode_shape(self, mesh: Trimesh, rate: CloudRate, context: Context) -> Part:
        from baselines.octree_coder import encode_octree

        voxels = point_cloud.voxelize(mesh, rate.bits, context)
        with context.phase("encode"):
            stream = encode_octree(voxels, rate.bits)
        return Part(point_cloud.prefix(rate) + stream, {"header": point_cloud.PREFIX_BYTES, "points": len(stream)})

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        from baselines.octree_coder import decode_octree

        rate = point_cloud.read_prefix(data)
        with context.phase("decode"):
            voxels, bits = decode_octree(data[point_cloud.PREFIX_BYTES :])
        if bits != rate.bits:
            raise CorruptArchive(f"the stream holds {bits} bits and its prefix states {rate.bits}")
        return point_cloud.surface_of(voxels, rate, context)
