"""Stand-ins are read as the sets that they stand for."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import trimesh
from mesh_datasets import stand_ins
from mesh_datasets.loading import load
from mesh_datasets.normalization import normalize
from mesh_datasets.procedural import make


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("standins")
    assert stand_ins.main([str(root), "--ama", "12", "--dt4d", "1", "--thingi10k", "8"]) == 0
    return root


def test_every_loader_finds_its_shapes(root: Path) -> None:
    ama, dt4d, thingi = (load(name, data_root=root, limit=500) for name in ("ama", "dt4d", "thingi10k"))
    assert len(ama.shapes) == 12
    assert {shape.category for shape in dt4d.shapes} == {"animal"}
    assert len(dt4d.shapes) == stand_ins.FRAMES
    assert len(thingi.shapes) == 8
    assert np.array_equal(ama.shapes[0].load().faces, ama.shapes[11].load().faces)
    for shape in (*ama.shapes[:2], *dt4d.shapes[::70], *thingi.shapes):
        mesh, _ = normalize(shape.load(), shape.name)
        assert mesh.area > 0.1


def test_frames_of_an_animation_move_little_by_little(root: Path) -> None:
    frames = [normalize(shape.load())[0].vertices for shape in load("dt4d", data_root=root).shapes[:8]]
    steps = [np.abs(a - b).max() for a, b in itertools.pairwise(frames)]
    assert 0 < max(steps) < np.abs(frames[0] - frames[7]).max()


def test_mixed_takes_from_all_three(root: Path) -> None:
    names = [shape.category for shape in load("mixed", data_root=root, per_set=4).shapes]
    assert len(names) == 12
    assert len(set(names)) == 3


def test_oddities_are_what_they_are_called() -> None:
    part, random = make(0, 3), np.random.default_rng(0)
    assert part.is_watertight
    assert not stand_ins.open_part(part, random).is_watertight
    assert stand_ins.nested_part(part, random).body_count == 2 * part.body_count
    assert stand_ins.many_parts(part, random).body_count >= 9 * part.body_count
    ball = trimesh.creation.icosphere(subdivisions=2)
    assert longest(stand_ins.slivers(ball, random)) > 10 * longest(ball)


def longest(mesh: trimesh.Trimesh) -> float:
    """Upper tenth of the ratios of a triangle's longest edge to its shortest."""
    edges = np.linalg.norm(mesh.triangles - np.roll(mesh.triangles, 1, axis=1), axis=2)
    return float(np.quantile(edges.max(1) / edges.min(1), 0.9))
