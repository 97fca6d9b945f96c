"""Codec ``octree``: surface voxels, coded without loss by the project's own octree coder."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from baselines.points import point_cloud
from baselines.points.point_cloud import CloudRate
from bench.codec import CodecInfo, Context, Part, Rate, ShapeCodec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trimesh import Trimesh


COUNT_BYTES = 4
BYTES_PER_POINT = 256
"""Memory of decoding a point: keys and masks of its level and the one above, and their sorted copies."""


class Octree(ShapeCodec):
    """A point-cloud codec that needs no program: the rate is the voxel depth, the coder loses nothing."""

    info = CodecInfo(
        name="octree",
        version="4",
        title="Octree",
        summary="Surface voxels in a losslessly coded octree with adaptive contexts; a surface back from them",
        kind="points",
        licence="MIT",
        reference="docs/codecs.md",
    )
    rate_type: ClassVar[type[Rate]] = CloudRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {f"b{bits}": {"bits": bits} for bits in (5, 6, 7, 8, 9)}
    # Deeper levels take longer than all else in a quick run: a drawer of small parts has millions of voxels.
    short_ladder: ClassVar[tuple[str, ...]] = ("b5", "b6", "b7")

    def warm_up(self, device: str = "cpu") -> None:
        point_cloud.warm_up()

    def encode_shape(self, mesh: Trimesh, rate: CloudRate, context: Context) -> Part:
        from baselines.points.octree_coder import encode_occupancy

        voxels = point_cloud.voxelize(mesh, rate.bits, context)
        with context.phase("encode"):
            occupancy, count = encode_occupancy(voxels, rate.bits)
        return point_cloud.pack(rate, {"count": count.to_bytes(COUNT_BYTES, "little"), "occupancy": occupancy})

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        from baselines.points.octree_coder import decode_occupancy

        rate, body = point_cloud.unpack(data)
        with context.phase("decode"):
            count = int.from_bytes(body[:COUNT_BYTES], "little")
            context.check_memory(BYTES_PER_POINT * count, len(data), "points")
            point_cloud.check_points(count, rate, len(data), context)
            voxels = decode_occupancy(body[COUNT_BYTES:], count, rate.bits)
        return point_cloud.surface_of(voxels, rate, context, coded=len(data))
