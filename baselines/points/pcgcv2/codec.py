"""Codec ``pcgcv2``: the published network behind the common contract.

Behind the common prefix, a shape's bytes are: rate, and coder of the coordinates << 4 (1 byte); first bytes of the
checkpoint's SHA-256 (2); number of blocks (1); then block by block the voxel counts at scales 1, 1/2, 1/4, 1/8
(LEB128 each), lowest and highest latent (int8 each), lengths of the two streams (LEB128 each), and the two streams:
coordinates at scale 1/8, latents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from baselines.points import point_cloud
from baselines.points.gpcc import TMC3, tmc3_decode, tmc3_encode
from baselines.points.pcgcv2 import checkpoint
from baselines.points.point_cloud import CloudRate
from bench.codec import Availability, CodecInfo, Context, CorruptArchive, Part, Rate, ShapeCodec, Unavailable
from bench.codec.fields import FieldReader, varint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from trimesh import Trimesh

    from baselines.points.pcgcv2.network import Network

    Ints = NDArray[np.int64]

COORDINATE_CODERS = ("octree", "tmc3")
SCALE_BITS = 3
# Voxels of a block; larger clouds are cut into blocks so that memory stays near 2 GB (measured).
MAX_BLOCK = 1_000_000
BYTES_PER_VOXEL = 2048
HASH_BYTES = 2


@dataclass(frozen=True)
class PcgcRate(CloudRate):
    """Voxel depth, checkpoint, and who codes the coordinates at 1/8 scale.

    Args:
        rate: 1 to 7, the checkpoint.
        coordinates: ``tmc3`` as the authors do, ``octree`` (the project's own), or ``auto``: tmc3 where it is there.
    """

    bits: int = 9
    rate: int = 4
    coordinates: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate not in checkpoint.PUBLISHED:
            raise ValueError(f"rate must be 1 to 7, not {self.rate}")
        if self.coordinates not in ("auto", *COORDINATE_CODERS):
            raise ValueError(f"coordinates must be auto, octree or tmc3, not {self.coordinates!r}")
        if self.bits <= SCALE_BITS:
            raise ValueError(f"bits must be more than {SCALE_BITS}, not {self.bits}")

    @property
    def lossless(self) -> bool:
        return False

    @property
    def auto_method(self) -> str:
        """Planes where they are as near to the surface as screened Poisson, whose time they take a twentieth of."""
        return "planes" if self.planes_fit else "pymeshlab"


MAX_COUNT = (1 << 35) - 1
"""Of voxels or bytes of a block."""


@dataclass(frozen=True)
class Block:
    """One coded block of voxels."""

    counts: tuple[int, int, int, int]
    low: int
    high: int
    coordinates: bytes
    latents: bytes

    def header(self) -> bytes:
        """All but the two streams."""
        numbers = (*self.counts, len(self.coordinates), len(self.latents))
        return bytes([self.low & 0xFF, self.high & 0xFF]) + b"".join(varint(number) for number in numbers)


class Pcgcv2(ShapeCodec):
    """Learned multiscale point cloud geometry compression."""

    info = CodecInfo(
        name="pcgcv2",
        version="3",
        title="PCGCv2",
        summary="Learned sparse-convolutional codec of voxel clouds, with the authors' checkpoints",
        kind="points",
        licence="MIT (code and checkpoints of the authors)",
        deterministic=False,
        reference="https://arxiv.org/abs/2011.03799",
        devices=("cpu", "cuda"),
        external_bytes=3_194_191,
    )
    rate_type: ClassVar[type[Rate]] = PcgcRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {f"r{rate}": {"rate": rate} for rate in checkpoint.PUBLISHED}

    def availability(self) -> Availability:
        return checkpoint.availability()

    def provenance(self) -> dict[str, str]:
        return {**checkpoint.provenance(), **TMC3.provenance()}

    def warm_up(self, device: str = "cpu") -> None:
        """Import torch, start the device, compile what makes surfaces."""
        from bench.codec.arithmetic import start_device

        start_device(device)
        point_cloud.warm_up()

    def encode_shape(self, mesh: Trimesh, rate: PcgcRate, context: Context) -> Part:
        voxels = point_cloud.voxelize(mesh, rate.bits, context)
        coder = _coordinate_coder(rate.coordinates)
        context.notes["coordinates"] = coder
        network, digest = _network(rate.rate, context)
        with context.phase("encode"):
            blocks = [encode_block(part, rate.bits, network, coder, context) for part in split(voxels)]
        head = bytes([rate.rate | COORDINATE_CODERS.index(coder) << 4]) + bytes.fromhex(digest)[:HASH_BYTES]
        body = head + bytes([len(blocks)]) + b"".join(b.header() + b.coordinates + b.latents for b in blocks)
        coordinates, latents = sum(len(b.coordinates) for b in blocks), sum(len(b.latents) for b in blocks)
        packed = point_cloud.pack(rate, {"streams": body})
        ledger = dict(packed.ledger)
        ledger["header"] += ledger.pop("streams") - coordinates - latents
        return Part(packed.data, {**ledger, "coordinates": coordinates, "latents": latents})

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        import numpy as np

        rate, body = point_cloud.unpack(data)
        number, coder = (body[0] & 15, body[0] >> 4) if len(body) > 3 else (0, 0)
        if number not in checkpoint.PUBLISHED or coder >= len(COORDINATE_CODERS):
            raise CorruptArchive("the stream does not name a rate of this codec")
        network, digest = _network(number, context)
        if bytes.fromhex(digest)[:HASH_BYTES] != body[1 : 1 + HASH_BYTES]:
            raise Unavailable(
                f"the stream was coded with another checkpoint of rate {number}",
                f"set {checkpoint.VARIABLE} to the folder that it was coded with",
            )
        with context.phase("decode"):
            blocks = read_blocks(body, 1 + HASH_BYTES)
            check_blocks(blocks, rate, len(data), context)
            parts = [decode_block(b, rate.bits, network, COORDINATE_CODERS[coder], context) for b in blocks]
        return point_cloud.surface_of(np.concatenate(parts), rate, context, coded=len(data))


def check_blocks(blocks: list[Block], rate: CloudRate, coded: int, context: Context) -> None:
    """Raise `CorruptArchive` where ``coded`` bytes may not ask for blocks of such sizes."""
    counts = [block.counts[0] for block in blocks]
    context.check_memory(BYTES_PER_VOXEL * max(counts), coded, "the network", point_cloud.FLOOR)
    point_cloud.check_points(sum(counts), rate, coded, context)


def split(voxels: Ints, largest: int = MAX_BLOCK) -> list[Ints]:
    """Cut a cloud into blocks of at most ``largest`` voxels, at planes that are multiples of 8, along long axes first.

    A block that no such plane divides is left as it is: it lies within one layer of latents a side.
    """
    import numpy as np

    if len(voxels) <= largest:
        return [voxels]
    extent = voxels.max(axis=0) - voxels.min(axis=0)
    for axis in np.argsort(-extent, kind="stable"):
        plane = int(np.median(voxels[:, axis])) + (1 << SCALE_BITS) // 2 >> SCALE_BITS << SCALE_BITS
        low = voxels[:, axis] < plane
        if low.any() and not low.all():
            return split(voxels[low], largest) + split(voxels[~low], largest)
    return [voxels]


def encode_block(voxels: Ints, bits: int, network: Network, coder: str, context: Context) -> Block:
    """Code (n, 3) unique voxels."""
    import numpy as np
    import torch

    from baselines.points.octree_coder import encode_occupancy
    from baselines.points.pcgcv2.features import LIMIT, encode_features
    from baselines.points.pcgcv2.sparse import pack_keys, unpack_keys
    from bench.codec.arithmetic import full_precision

    context.check_deadline()
    with torch.inference_mode(), full_precision():
        keys = torch.sort(pack_keys(torch.from_numpy(np.ascontiguousarray(voxels)))).values.to(context.device)
        latents, scales = network.encoder(keys)
        symbols = latents.round().clamp(-LIMIT, LIMIT).to("cpu", torch.int32).numpy()
        coarse = unpack_keys(scales[-1]).cpu().numpy()
    low, high = int(symbols.min()), int(symbols.max())
    depth = bits - SCALE_BITS
    stream = tmc3_encode(coarse, 0, context) if coder == "tmc3" else encode_occupancy(coarse, depth)[0]
    n = [len(scale) for scale in scales]
    return Block(
        (n[0], n[1], n[2], n[3]),
        low,
        high,
        stream,
        encode_features(symbols, low, high, network.entropy_bottleneck),
    )


def decode_block(block: Block, bits: int, network: Network, coder: str, context: Context) -> Ints:
    """Voxels (n, 3) of a block.

    Raises:
        CorruptArchive: when a stream does not decode.
    """
    import numpy as np
    import torch

    from baselines.points.octree_coder import decode_occupancy
    from baselines.points.pcgcv2.features import decode_features
    from baselines.points.pcgcv2.network import KeepHighest
    from baselines.points.pcgcv2.sparse import pack_keys, unpack_keys
    from bench.codec.arithmetic import full_precision

    context.check_deadline()
    full, half, quarter, eighth = block.counts
    if coder == "tmc3":
        coarse = np.rint(tmc3_decode(block.coordinates, context, eighth)).astype(np.int64)
    else:
        coarse = decode_occupancy(block.coordinates, eighth, bits - SCALE_BITS)
    symbols = decode_features(block.latents, eighth, block.low, block.high, network.entropy_bottleneck)
    with torch.inference_mode(), full_precision():
        keys = torch.sort(pack_keys(torch.from_numpy(coarse))).values.to(context.device)
        latents = torch.from_numpy(symbols).to(context.device, torch.float32)
        voxels = network.decoder(keys, latents, KeepHighest((quarter, half, full)))[0]
        return np.asarray(unpack_keys(voxels).cpu().numpy(), np.int64)


def read_blocks(body: bytes, at: int) -> list[Block]:
    """All blocks of a stream from position ``at``, where their number stands.

    Raises:
        CorruptArchive: when the bytes do not add up.
    """
    fields = FieldReader(body[at:], "the stream")
    blocks = []
    for _ in range(fields.raw(1, "number of blocks")[0]):
        low, high = fields.byte("lowest symbol"), fields.byte("highest symbol")
        full, half, quarter, eighth, coordinates, latents = (
            fields.unsigned(name, MAX_COUNT)
            for name in ("voxels", "half", "quarter", "eighth", "coordinate bytes", "latent bytes")
        )
        rising = 0 < eighth <= quarter <= half <= full <= 8 * half <= 64 * quarter <= 512 * eighth
        if low > high or not rising or full > MAX_BLOCK:
            raise CorruptArchive("a block of the stream states what cannot be")
        streams = fields.raw(coordinates, "coordinates"), fields.raw(latents, "latents")
        blocks.append(Block((full, half, quarter, eighth), low, high, *streams))
    fields.end()
    if not blocks:
        raise CorruptArchive("the stream has no blocks")
    return blocks


def _coordinate_coder(wanted: str) -> str:
    if wanted == "auto":
        return "octree" if TMC3.find() is None else "tmc3"
    if wanted == "tmc3":
        TMC3.path()
    return wanted


def _network(rate: int, context: Context) -> tuple[Network, str]:
    import torch

    torch.set_num_threads(context.threads)
    return checkpoint.load_network(checkpoint.checkpoint_path(rate), context.device)
