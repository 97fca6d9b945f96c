"""Cuts into manifold pieces, checked by walking around every vertex."""

from collections import defaultdict

import numpy as np
import pytest

from necgs.mesh.manifold import cut_to_manifold
from tests.necgs.mesh.real_meshes import sheet, sphere, three_sheets


def problems(faces):
    """Edges and vertices that are not manifold, found face by face."""
    directed = defaultdict(int)
    around = defaultdict(list)
    for face in faces.tolist():
        for a, b, c in (face, face[1:] + face[:1], face[2:] + face[:2]):
            directed[a, b] += 1
            around[a].append((b, c))
    found = [edge for edge, count in directed.items() if count > 1]
    for vertex, wedges in around.items():
        left, seen = list(wedges), [wedges[0]]
        left.remove(wedges[0])
        for wedge in seen:
            for other in [w for w in left if w[0] == wedge[1] or w[1] == wedge[0]]:
                left.remove(other)
                seen.append(other)
        if left:
            found.append(vertex)
    return found


def two_cubes():
    """Two closed tetrahedra that share an edge."""
    one = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    return np.concatenate([one, np.array([0, 1, 4, 5])[one]])


def pinned(faces):
    """Two copies that share one vertex."""
    return np.concatenate([faces, np.where(faces == 0, 0, faces + faces.max())])


MESHES = {
    "three sheets": three_sheets()[1],
    "two solids on one edge": two_cubes(),
    "two spheres on one point": pinned(sphere(1)[1]),
    "turned face": np.concatenate([sheet(4)[1][:5], sheet(4)[1][5:, ::-1]]),
    "two sides of one face": np.array([[0, 1, 2], [2, 1, 0], [2, 1, 3]]),
    "a face with both its neighbours' sides": np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4], [1, 0, 5], [0, 2, 3]]),
    "random faces": np.array([p for p in np.random.default_rng(0).integers(0, 9, (60, 3)) if len(set(p)) == 3]),
}


@pytest.mark.parametrize("name", MESHES)
def test_the_cut_leaves_manifold_pieces_and_every_face(name):
    faces = MESHES[name]
    assert problems(faces)
    cut, origins = cut_to_manifold(faces)
    assert problems(cut) == []
    assert np.array_equal(origins[cut], faces)
    assert np.array_equal(np.unique(cut), np.arange(len(origins)))
    assert (np.diff(origins) >= 0).all()


@pytest.mark.parametrize("mesh", [sphere(2), sheet(6, holes=((1, 1), (3, 3)))])
def test_a_manifold_stays_as_it_is(mesh):
    cut, origins = cut_to_manifold(mesh[1])
    assert problems(mesh[1]) == []
    assert np.array_equal(cut, mesh[1])
    assert np.array_equal(origins, np.arange(len(mesh[0])))


def test_no_more_vertices_than_fans():
    cut, _ = cut_to_manifold(three_sheets(5)[1])
    assert cut.max() + 1 == 3 * 5 * 5
    assert len(cut_to_manifold(two_cubes())[1]) == 8


def test_degenerate_faces_are_refused():
    with pytest.raises(ValueError, match="degenerate"):
        cut_to_manifold(np.array([[0, 1, 1]]))
