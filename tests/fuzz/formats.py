"""Every format of the project: its valid streams, how it is decoded, how it is damaged.

A codec whose parts end in their CRC-32 is one line of `FORMATS`: ``sealed(MyCodec, {"setting": value})``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from baselines.mesh.draco import Draco
from baselines.mesh.draco_simplify import DracoSimplify
from baselines.mesh.identity import Identity
from baselines.neural.quantdeepsdf.codec import QuantDeepSdf
from baselines.points.gpcc import Gpcc
from baselines.points.octree import Octree
from baselines.points.pcgcv2.codec import Pcgcv2
from baselines.points.vpcc import Vpcc
from bench.codec import Codec, Context, SetCodec
from necgs.codec import NecgsCodec
from necgs.coding.entropy import RANGE
from necgs.hybrid_codec import Hybrid
from necgs.mesh_codec import MeshSet
from necgs.paper_codec import NecgsPaperCodec
from necgs.paper_settings import PaperRate
from tests.fuzz import documents, mesh_files, necgs_files, xz_streams
from tests.fuzz.clouds import clouds_of_no_surface
from tests.fuzz.corpus import COARSE, TINY, files, hybrid_streams, parts, pcgcv2_streams, programs_streams
from tests.fuzz.mutations import Case, SealedParts, leading_crc
from tests.fuzz.necgs_parts import absurd_shared
from tests.fuzz.programs import points_alone

Pool = list[Any]


@dataclass(frozen=True)
class Format:
    """One format.

    Args:
        pool: makes valid cases.
        decode: decodes one, or raises a ``UserError``; checks what it got.
        damage: makes a case of valid ones.
        is_document: whether it is a file that people make, and no stream of a codec.
        one_in: it gets so many times fewer cases than the others: they take long.
    """

    pool: Callable[[], Pool]
    decode: Callable[[Any, Context], object]
    damage: Callable[[Random, Pool], Any]
    is_document: bool = False
    one_in: int = 1


def decoded(codec: Codec, case: Case, context: Context) -> Any:
    """The mesh of one shape, with the errors that `Codec.decode` would turn into failures."""
    shared, part = case
    if isinstance(codec, SetCodec):
        return codec.decode_shape(codec.decode_shared(shared, context), part, context)
    return codec.decode_shape(part, context)  # type: ignore[attr-defined]


def checked(mesh: Any) -> None:
    """What a decoder returns is a mesh that can be measured: finite, with indices in range."""
    import numpy as np

    assert np.isfinite(mesh.vertices).all(), "a vertex is not finite"
    if len(mesh.faces):
        assert mesh.faces.min() >= 0, "an index is negative"
        assert mesh.faces.max() < len(mesh.vertices), "a face refers to a vertex that is not there"


def decoder(codec: Codec) -> Callable[[Case, Context], object]:
    """`decoded` and `checked`."""
    return lambda case, context: checked(decoded(codec, case, context))


def sealed(kind: type[Codec], *rates: dict[str, object]) -> Format:
    """A codec of sets or shapes whose parts end in their CRC-32."""
    codec = kind()
    damage = SealedParts(lambda case: decoded(codec, case, Context()))
    return Format(lambda: parts(kind, *rates), decoder(codec), damage)


def necgs(kind: type[Codec], settings: dict[str, object]) -> Format:
    """One decoder and entropy coder of NeCGS, with and without deformation; also shared parts from nothing."""
    plain = sealed(kind, *({**TINY, **settings, "deformation": on} for on in (True, False)))

    def damage(r: Random, pool: Pool) -> Case:
        if r.random() < 0.1:
            return absurd_shared(r), plain.damage(r, pool)[1]
        return plain.damage(r, pool)  # type: ignore[no-any-return]

    return Format(plain.pool, plain.decode, damage)


def shape_codec(kind: type[Codec], damage: Callable[[Random, Pool], Any], *rates: dict[str, object]) -> Format:
    """A codec of shapes with a way of damaging its own."""
    return Format(lambda: parts(kind, *rates), decoder(kind()), damage)


def cloud_codec(kind: type[Codec], pool: Callable[[], Pool]) -> Format:
    """A codec of clouds without its surface reconstruction."""
    codec = kind()
    return Format(pool, points_alone(decoder(codec)), sealed(kind).damage)


def mesh_file(
    suffix: str, pool: Callable[[], Pool], damage: Callable[[Random, Pool], Any] = mesh_files.damaged
) -> Format:
    """What a reader of `mesh_datasets.mesh_files` takes."""
    return Format(pool, partial(mesh_files.decode, suffix), damage, True)


class RangeRate(PaperRate):
    """The paper's decoder with a range coder, which the bitstream allows."""

    @property
    def entropy(self) -> str:
        """The coder."""
        return RANGE


class DenseRange(NecgsPaperCodec):
    """With `RangeRate`."""

    rate_type = RangeRate


BITS = ({"bits": 4}, {"bits": 5})
DEEP = {"resolution": 16, "width": 8, "latent": 4, "steps": 20, "batch": 256, "fit": "none"}

FORMATS: Mapping[str, Format] = {
    "necgs-block-sparse-range": necgs(NecgsCodec, {"latent_channels": 4, "entropy": "range"}),
    "necgs-block-sparse-huffman": necgs(NecgsCodec, {"latent_channels": 4, "entropy": "huffman"}),
    "necgs-dense-range": necgs(DenseRange, {"ssim": False}),
    "necgs-dense-huffman": necgs(NecgsPaperCodec, {"ssim": False}),
    "necgs-file": Format(lambda: files(NecgsCodec, TINY), necgs_files.decode, necgs_files.damage),
    "meshset": sealed(MeshSet, COARSE, {**COARSE, "groups": False}),
    "hybrid": Format(hybrid_streams, decoder(Hybrid()), sealed(Hybrid).damage),
    "quantdeepsdf": sealed(QuantDeepSdf, {**DEEP, "entropy": "range"}, {**DEEP, "entropy": "huffman"}),
    "draco": shape_codec(Draco, leading_crc, {"bits": 6}, {"bits": 11}),
    "draco-simplify": shape_codec(DracoSimplify, leading_crc, {"faces": 60, "bits": 8}),
    "identity": shape_codec(Identity, xz_streams.damage, {}),
    "octree": Format(lambda: parts(Octree, *BITS), points_alone(decoder(Octree())), clouds_of_no_surface),
    "octree-surface": Format(lambda: parts(Octree, *BITS), decoder(Octree()), clouds_of_no_surface, one_in=10),
    "gpcc": cloud_codec(Gpcc, programs_streams),
    "vpcc": cloud_codec(Vpcc, programs_streams),
    "pcgcv2": cloud_codec(Pcgcv2, pcgcv2_streams),
    "rows": Format(documents.rows, documents.decode_rows, documents.damaged_lines, True),
    "manifest": Format(documents.manifests, documents.decode_manifest, documents.damaged_json, True),
    "baseline": Format(documents.baselines, documents.decode_baseline, documents.damaged_json, True),
    "profile": Format(documents.profiles, documents.decode_profile, documents.damaged_toml, True),
    ".ply": mesh_file(".ply", mesh_files.ply_files),
    ".off": mesh_file(".off", mesh_files.off_files),
    ".obj": mesh_file(".obj", mesh_files.obj_files),
    ".stl": mesh_file(".stl", mesh_files.stl_files),
    ".gltf": mesh_file(".gltf", mesh_files.gltf_files, mesh_files.damaged_gltf),
    ".glb": mesh_file(".glb", mesh_files.glb_files),
    ".3mf": mesh_file(".3mf", mesh_files.packages, mesh_files.damaged_package),
    ".drc": mesh_file(".drc", mesh_files.draco_files),
    "archive-record": Format(documents.records, documents.decode_record, documents.damaged_json, True),
}
