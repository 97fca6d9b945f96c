"""Valid streams of every format, small and made in seconds."""

from __future__ import annotations

import functools
import io

import numpy as np
import trimesh
from mesh_datasets.normalization import Normalization

from bench.codec import Codec, Context
from necgs.coding.container import Record, SetFile, extension, write_set
from tests.fuzz.mutations import Case

PLACE = Normalization((1.5, -2.0, 0.25), 0.5)
ENDS = ((0.5, 0.6, 0.15), (-0.5, -0.6, 0.15))
COARSE = {"faces": 60, "fit": False}
TINY = {"resolution": 16, "epochs": 2, "fit": "none", "width": 4}


@functools.cache
def meshes() -> tuple[trimesh.Trimesh, ...]:
    """A sphere, a torus, the torus bent (with the same faces), a box, a Z, which has a half turn and no mirror."""
    torus = trimesh.creation.torus(0.6, 0.3, major_sections=16, minor_sections=8)
    bent = trimesh.Trimesh(torus.vertices * [1.0, 0.7, 1.3], torus.faces, process=False)
    box = trimesh.creation.box((1.6, 0.5, 1.0)).subdivide()
    ends = [trimesh.creation.box((0.6, 0.4, 0.5), trimesh.transformations.translation_matrix(at)) for at in ENDS]
    turned = trimesh.boolean.union([trimesh.creation.box((0.4, 1.6, 0.5)), *ends], engine="manifold")
    return trimesh.creation.icosphere(1, 0.9), torus, bent, box, turned.subdivide()


@functools.cache
def _archives(codec: type[Codec], rates: tuple[tuple[tuple[str, object], ...], ...]):
    return [codec().encode(meshes(), codec.rate_type.of(dict(settings)), Context()) for settings in rates]


def archives(codec: type[Codec], *rates: dict[str, object]):
    """One archive of `meshes` for each rate, made once."""
    return _archives(codec, tuple(tuple(sorted(settings.items())) for settings in rates))


def parts(codec: type[Codec], *rates: dict[str, object]) -> list[Case]:
    """Each shape's part with the shared part of its set."""
    return [
        (archive.shared.data, part.data) for archive in archives(codec, *rates) for part in archive.shapes if part.data
    ]


def files(codec: type[Codec], *rates: dict[str, object]) -> list[bytes]:
    """``.necgs`` files, with and without shapes that were appended."""
    found = []
    for archive in archives(codec, *rates):
        names = [f"shape{index}" for index, _ in enumerate(archive.shapes)]
        whole = write_set(archive, names, [PLACE, None, PLACE, None, None])
        more = extension(SetFile(io.BytesIO(whole)), [Record("d", archive.shapes[0].data, PLACE)])
        found += [whole, whole + more]
    return found


def hybrid_streams() -> list[Case]:
    """Sets of both modes, and of one each."""
    from necgs.codec import NecgsCodec
    from necgs.hybrid.parts import joined
    from necgs.mesh_codec import MeshSet

    of_meshes, of_volumes = archives(MeshSet, COARSE)[0], archives(NecgsCodec, TINY)[0]
    sets = (
        joined(of_meshes, of_volumes, [False, True, True, False]),
        joined(of_meshes, None, [False] * 4),
        joined(None, of_volumes, [True] * 4),
    )
    return [(archive.shared.data, part.data) for archive in sets for part in archive.shapes]


def clouds(shape: int) -> np.ndarray:
    """Voxels of one of `meshes` at five bits."""
    from baselines.points.point_cloud import voxelize

    return voxelize(meshes()[shape], 5, Context())


def programs_streams() -> list[Case]:
    """What the stand-in programs decode: PLY files, text and binary."""
    from baselines.points.point_cloud import CloudRate, pack

    found = []
    for shape in range(2):
        voxels = clouds(shape)
        properties = "".join(f"property float {axis}\n" for axis in "xyz")
        head = f"ply\nformat %s 1.0\nelement vertex {len(voxels)}\n{properties}end_header\n"
        text = "".join(f"{x} {y} {z}\n" for x, y, z in voxels)
        for stream in (
            (head % "ascii" + text).encode(),
            (head % "binary_little_endian").encode() + voxels.astype("<f4").tobytes(),
        ):
            found.append((b"", pack(CloudRate(5), {"points": stream}).data))
    return found


def pcgcv2_streams() -> list[Case]:
    """Streams of the untrained network."""
    from baselines.points.pcgcv2.codec import encode_block
    from baselines.points.point_cloud import CloudRate, pack
    from tests.fuzz.programs import DIGEST, untrained

    found = []
    for shape in range(2):
        block = encode_block(clouds(shape), 5, untrained(), "octree", Context())
        body = bytes([4]) + bytes.fromhex(DIGEST)[:2] + b"\1" + block.header() + block.coordinates + block.latents
        found.append((b"", pack(CloudRate(5), {"s": body}).data))
    return found
