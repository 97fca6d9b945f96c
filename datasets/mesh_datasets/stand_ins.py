"""Stand-ins for AMA, DT4D and Thingi10K, in their layouts and sizes: to rehearse a run without the data.

``python -m mesh_datasets.stand_ins ROOT`` fills ROOT; ``--data-root ROOT`` then serves ``ama``, ``dt4d``, ``thingi10k``
and ``mixed``. What comes out of a run on them says how long it takes, how much memory and disk it needs, and that it
ends; it says nothing about the quality of codecs on the real sets.

* AMA: ten sequences of OBJ frames, one body of the embedded sample in random poses (`mesh_datasets.poses`).
* DT4D: ``.anime`` files of 200 frames and more, animals of the sample that go from pose to pose.
* Thingi10K: binary STL files of procedural parts; every eighth is open, nested, made of many pieces, or of slivers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    from trimesh import Trimesh

SEQUENCES = (
    *("D_bouncing", "D_handstand", "D_march", "D_squat", "I_crane", "I_jumping", "I_march", "I_squat"),
    *("T_samba", "T_swing"),
)
ANIMALS = range(16, 32)
"""Places in the sample of one animal in several poses, all with the same faces."""

FRAMES = 200
"""Of an animation, and some more in each than in the one before."""


def write_ama(root: Path, frames: int) -> Iterator[Path]:
    """``root/<sequence>/meshes/mesh_0000.obj``: ``frames`` files over ten sequences; yields each when it is written."""
    from mesh_datasets.poses import make

    for number in range(frames):
        sequence, frame = number % len(SEQUENCES), number // len(SEQUENCES)
        path = root / SEQUENCES[sequence] / "meshes" / f"mesh_{frame:04d}.obj"
        yield _write(path, _obj(make(sequence, frame)).encode())


def write_dt4d(root: Path, animations: int) -> Iterator[Path]:
    """``root/animals/<id>/<id>.anime``: animals that walk through poses of the sample."""
    from mesh_datasets.sample import unpack

    poses = [unpack(place) for place in ANIMALS]
    keys = np.array([pose.vertices for pose in poses], np.float32)
    for number in range(animations):
        order = np.random.default_rng([1, number]).permutation(len(keys))
        frames = np.concatenate(list(_in_between(keys[order], FRAMES + 25 * number)))
        name = f"standin{number:02d}_Walk"
        yield _write(root / "animals" / name / f"{name}.anime", _anime(frames, np.asarray(poses[0].faces)))


def write_thingi10k(root: Path, models: int) -> Iterator[Path]:
    """``root/raw_meshes/<id>.stl``: procedural parts, and what goes wrong in collections of parts."""
    from trimesh.exchange.stl import export_stl

    from mesh_datasets.procedural import make

    for number in range(models):
        random = np.random.default_rng([2, number])
        mesh = make(0, number)
        if number % 8 == 7:
            mesh = ODDITIES[number // 8 % len(ODDITIES)](mesh, random)
        yield _write(root / "raw_meshes" / f"{30000 + number}.stl", export_stl(mesh))


def open_part(mesh: Trimesh, random: np.random.Generator) -> Trimesh:
    """Without a tenth of its triangles, all in one place."""
    centres = np.asarray(mesh.triangles_center)
    far = np.linalg.norm(centres - centres[random.integers(len(centres))], axis=1)
    kept = np.sort(np.argsort(far)[len(centres) // 10 :])
    return _mesh(np.asarray(mesh.vertices), np.asarray(mesh.faces)[kept])


def nested_part(mesh: Trimesh, _: np.random.Generator) -> Trimesh:
    """With itself inside, at 60 % of its size, as slicers get it for hollow prints."""
    vertices, centre = np.asarray(mesh.vertices), np.asarray(mesh.bounds).mean(axis=0)
    return _joined([vertices, centre + 0.6 * (vertices - centre)], mesh)


def many_parts(mesh: Trimesh, random: np.random.Generator) -> Trimesh:
    """A plate of 9 to 36 copies, turned, some of which touch."""
    vertices, side = np.asarray(mesh.vertices), int(random.integers(3, 7))
    step, copies = 1.05 * float(mesh.extents.max()), []
    for row, column in np.ndindex(side, side):
        sine, cosine = np.sin(angle := random.uniform(0, 2 * np.pi)), np.cos(angle)
        turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        copies.append(vertices @ turn.T + (row * step, column * step, 0))
    return _joined(copies, mesh)


def slivers(mesh: Trimesh, _: np.random.Generator) -> Trimesh:
    """Stretched to 40 times its length: triangles much longer than wide."""
    return _mesh(np.asarray(mesh.vertices) * (40.0, 1.0, 1.0), np.asarray(mesh.faces))


ODDITIES: tuple[Callable[[Trimesh, np.random.Generator], Trimesh], ...] = (open_part, nested_part, many_parts, slivers)


def _joined(copies: Sequence[np.ndarray], mesh: Trimesh) -> Trimesh:
    """One mesh of copies of ``mesh`` with these vertices (v, 3)."""
    faces = [np.asarray(mesh.faces) + number * len(mesh.vertices) for number in range(len(copies))]
    return _mesh(np.concatenate(copies), np.concatenate(faces))


def _mesh(vertices: np.ndarray, faces: np.ndarray) -> Trimesh:
    import trimesh

    return trimesh.Trimesh(vertices, faces, process=False)


def _in_between(keys: np.ndarray, frames: int) -> Iterator[np.ndarray]:
    """``frames`` vertex arrays (1, v, 3) on the way from each of ``keys`` (k, v, 3) to the next, round and round."""
    for place in np.linspace(0, len(keys), frames, endpoint=False):
        at, share = int(place), np.float32(place % 1)
        yield ((1 - share) * keys[at] + share * keys[(at + 1) % len(keys)])[None]


def _anime(frames: np.ndarray, faces: np.ndarray) -> bytes:
    """The bytes of an ``.anime`` file (`mesh_datasets.anime`) of vertices (f, v, 3)."""
    counts = np.array([len(frames), frames.shape[1], len(faces)], "<i4")
    offsets = (frames[1:] - frames[0]).astype("<f4")
    return b"".join(
        (counts.tobytes(), frames[0].astype("<f4").tobytes(), faces.astype("<i4").tobytes(), offsets.tobytes())
    )


def _obj(mesh: Trimesh) -> str:
    vertices = "".join(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in np.asarray(mesh.vertices).tolist())
    return vertices + "".join(f"f {a} {b} {c}\n" for a, b, c in (np.asarray(mesh.faces) + 1).tolist())


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mesh_datasets.stand_ins", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder; made if missing")
    parser.add_argument("--ama", type=int, default=500, metavar="N", help="frames (default: 500)")
    parser.add_argument("--dt4d", type=int, default=3, metavar="N", help="animations (default: 3)")
    parser.add_argument("--thingi10k", type=int, default=1000, metavar="N", help="models (default: 1000)")
    options = parser.parse_args(arguments)
    for name, write in (("ama", write_ama), ("dt4d", write_dt4d), ("thingi10k", write_thingi10k)):
        count = getattr(options, name)
        for _ in tqdm(write(options.root / name, count), desc=name, total=count, unit="file"):
            pass
    print(f"python -m bench run --codecs necgs,draco,gpcc --dataset mixed --data-root {options.root}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
