"""The band's values and the bits of all points, against whole grids of numbers; memory."""

import tracemalloc

import numpy as np
import pytest
import trimesh
from scipy import ndimage

from necgs.volume.banded_tsdf import BandedTsdf, banded_tsdf
from necgs.volume.distance_band import distance_band
from necgs.volume.winding_number import grid_positions, rounded_winding


def sphere(radius: float, subdivisions: int = 3) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions, radius)


def open_sphere(top: float) -> trimesh.Trimesh:
    """Without what is above ``top``; there the winding number changes in the open, also far from the surface."""
    mesh = sphere(0.9)
    mesh.update_faces(mesh.triangles_center[:, 2] < top)
    return mesh


MESHES = {
    "sphere": sphere(0.8),
    "box on grid points": trimesh.creation.box((1.0, 1.0, 1.0)),
    "fills the cube": trimesh.creation.box((2.0, 2.0, 2.0)),
    "nested": trimesh.util.concatenate([sphere(0.9), sphere(0.4)]),
    "nested and crossing": trimesh.util.concatenate(
        [trimesh.creation.box((2.0, 2.0, 2.0)), sphere(0.7), trimesh.creation.box((0.4, 0.5, 1.9))]
    ),
    "open": open_sphere(0.1),
    "sheet": trimesh.Trimesh([[-1, -1, 0], [1, -1, 0], [1, 1, 0]], [[0, 1, 2]], process=False),
}


def reference(mesh: trimesh.Trimesh, K: int) -> np.ndarray:
    """The same from whole grids: every point is asked, and regions are labelled by scipy."""
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    h = np.float32(2 / (K - 1))
    distance = _distances(vertices, faces, K, 2.0)
    winding = rounded_winding(vertices, faces, grid_positions(np.arange(K**3), K)).reshape(K, K, K)
    inside = winding != 0 if len(np.unique(winding)) <= 2 else _alternating(winding)
    if not (distance[inside] > h / 64).any():
        return np.clip((_distances(vertices, faces, K, 2.9) - np.float32(0.9) * h) / (2 * h), -1, 1)
    return np.clip(np.where(inside, -distance, distance) / (2 * h), -1, 1)


def _distances(vertices: np.ndarray, faces: np.ndarray, K: int, reach: float) -> np.ndarray:
    band = distance_band(vertices, faces, K, reach)  # tested against brute force by itself
    distance = np.full((K, K, K), np.float32(4) * np.float32(2 / (K - 1)) + np.float32(reach - 2))
    distance.reshape(-1)[band.points] = band.distance
    return distance


def _alternating(winding: np.ndarray) -> np.ndarray:
    """From the outside, always across the border with the most edges between a region with a side and one without."""
    padded = np.pad(winding, 1)
    labels = np.zeros(padded.shape, int)
    for value in np.unique(padded):
        found, _ = ndimage.label(padded == value)
        labels[found > 0] = found[found > 0] + labels.max()
    edges = np.zeros((labels.max() + 1,) * 2, int)
    for axis in range(3):
        one, two = np.moveaxis(labels, axis, 0)[:-1], np.moveaxis(labels, axis, 0)[1:]
        np.add.at(edges, (np.minimum(one, two), np.maximum(one, two)), 1)
    edges = edges + edges.T
    side = np.full(len(edges), -1)
    side[labels[0, 0, 0]] = 0
    while (side[1:] < 0).any():
        open_links = np.where((side >= 0)[:, None] & (side < 0), edges, 0)
        known, new = np.unravel_index(open_links.argmax(), edges.shape)
        side[new] = 1 - side[known] if new else 0
    return side[labels][1:-1, 1:-1, 1:-1] == 1


@pytest.mark.parametrize("K", [21, 40])
@pytest.mark.parametrize("name", MESHES)
def test_band_and_bits_are_those_of_whole_grids(name: str, K: int) -> None:
    expected, found = reference(MESHES[name], K), banded_tsdf(MESHES[name], K)
    assert found.values.dtype == np.float32
    assert np.array_equal(found.inside.whole(), expected < 0)
    assert np.array_equal(found.values, expected.reshape(-1)[found.points])
    assert np.array_equal(found.whole(), expected)
    assert (np.diff(found.points) > 0).all()
    assert np.isin(np.flatnonzero(np.abs(expected) < 1), found.points).all()


@pytest.mark.parametrize("name", ["nested and crossing", "open", "sheet"])
def test_slabs_do_not_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def equal(one: BandedTsdf, two: BandedTsdf) -> bool:
        return np.array_equal(one.values, two.values) and np.array_equal(one.inside.packed, two.inside.packed)

    expected = banded_tsdf(MESHES[name], 43)
    for slices in (8, 16, 48):
        monkeypatch.setattr("necgs.volume.grid_bits.slabs.__defaults__", (slices,))
        monkeypatch.setattr("necgs.volume.distance_band._SLAB", slices)
        assert equal(banded_tsdf(MESHES[name], 43), expected)


def sphere_without_a_face() -> trimesh.Trimesh:
    """Open by less than the width of the band, so that regions beyond it have one winding number each."""
    mesh = sphere(0.5, 5)
    mesh.update_faces(np.arange(len(mesh.faces)) > 0)
    return mesh


@pytest.mark.parametrize("mesh", [sphere(0.8), MESHES["nested"], sphere_without_a_face(), MESHES["sheet"]])
def test_no_array_of_numbers_is_as_large_as_the_grid(mesh: trimesh.Trimesh) -> None:
    K = 192
    banded_tsdf(mesh, 8)  # imports and compiles
    tracemalloc.start()
    banded_tsdf(mesh, K)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * K**3
