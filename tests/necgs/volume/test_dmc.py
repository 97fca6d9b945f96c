"""Deformable marching cubes: closedness, classical marching cubes at zero deformation, gradients, sparse blocks."""

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import marching_cubes

from necgs.volume.dmc import extract, extract_blocks, mesh_of
from necgs.volume.marching_cubes_tables import CORNERS, EDGE_AXIS, EDGE_CORNER, TRIANGLE_COUNT, TRIANGLES
from necgs.volume.topology import topology


def rng(seed):
    return torch.Generator().manual_seed(seed)


def grid(K):
    axis = torch.linspace(-1, 1, K)
    return torch.meshgrid(axis, axis, axis, indexing="ij")


def wavy_ball(K):
    """A smooth field at more than one sample a ripple: no ambiguous cell."""
    x, y, z = grid(K)
    return (x * x + y * y + z * z).sqrt() - 0.7 + 0.04 * torch.sin(6 * x) * torch.sin(5 * y + 1)


def random_volume(K, seed):
    tsdf = torch.rand((K, K, K), generator=rng(seed)) * 2 - 1
    return tsdf, torch.rand((3, K, K, K), generator=rng(seed + 1)) * 2 - 1


# --- the table


def test_each_case_separates_its_corners():
    """Every crossed edge, and no other, is used; the complement case uses the same edges."""
    for case in range(256):
        inside = case >> np.arange(8) & 1
        crossed = {e for e in range(12) if inside[EDGE_CORNER[e]] != inside[EDGE_CORNER[e] | 1 << EDGE_AXIS[e]]}
        assert set(TRIANGLES[case, : TRIANGLE_COUNT[case]].reshape(-1).tolist()) == crossed
    assert TRIANGLES.shape == (256, 5, 3)


def test_no_diagonal_lies_on_a_face_of_the_cell():
    """Such a diagonal could coincide with the neighbouring cell's: four triangles on one edge."""
    mid = CORNERS[EDGE_CORNER] + np.eye(3)[EDGE_AXIS] / 2
    for case in range(256):
        directed = [(t[i], t[(i + 1) % 3]) for t in TRIANGLES[case, : TRIANGLE_COUNT[case]].tolist() for i in range(3)]
        for a, b in directed:
            on_face = ((mid[a] == mid[b]) & (mid[a] != 0.5)).any()
            assert ((b, a) in directed) <= (not on_face)


# --- topology


@given(K=st.integers(4, 9), seed=st.integers(0, 2**31), level=st.floats(-0.9, 0.9))
@settings(max_examples=40, deadline=None)
def test_random_volumes_give_closed_oriented_manifolds(K, seed, level):
    tsdf, deformation = random_volume(K, seed)
    vertices, faces = extract(tsdf - level, deformation)
    assert_closed_manifold(faces.numpy(), len(vertices))


def assert_closed_manifold(faces, n_vertices):
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed, count = np.unique(edges, axis=0, return_counts=True)
    assert (count == 1).all()
    assert {tuple(e) for e in directed} == {tuple(e[::-1]) for e in directed}
    assert set(faces.reshape(-1).tolist()) == set(range(n_vertices))
    link = {}
    for a, b, c in faces.tolist():
        for v, p, q in ((a, b, c), (b, c, a), (c, a, b)):
            link.setdefault(v, {})[p] = q
    for ring in link.values():  # around each vertex the triangles form one fan
        fan, at = 0, next(iter(ring))
        while fan == 0 or at != next(iter(ring)):
            at, fan = ring[at], fan + 1
        assert fan == len(ring)


@pytest.mark.parametrize("K", [4, 11])
def test_both_back_ends_give_the_same_arrays(K):
    inside = random_volume(K, 3)[0] < 0.2
    a, b = topology(inside, "numba"), topology(inside, "torch")
    assert torch.equal(a.lower, b.lower)
    assert torch.equal(a.upper, b.upper)
    assert torch.equal(a.faces, b.faces)


def test_a_full_volume_is_the_cube_and_an_empty_one_is_nothing():
    K = 6
    full = mesh_of(torch.full((K, K, K), -1.0))
    assert full.is_watertight
    assert full.bounds == pytest.approx(np.array([[-1.2] * 3, [1.2] * 3]))  # half a cell beyond the last points
    vertices, faces = extract(torch.ones(K, K, K))
    assert vertices.shape == (0, 3)
    assert faces.shape == (0, 3)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="cube"):
        extract(torch.zeros(4, 4, 5))
    with pytest.raises(ValueError, match="needs"):
        extract(torch.zeros(4, 4, 4), torch.zeros(4, 4, 4, 3))


# --- geometry


@pytest.mark.parametrize("K", [17, 33])
def test_without_deformation_it_is_classical_marching_cubes(K):
    tsdf = wavy_ball(K)
    ours = mesh_of(tsdf, torch.zeros(3, K, K, K))
    vertices, faces, _, _ = marching_cubes(tsdf.numpy(), 0.0, spacing=(2 / (K - 1),) * 3)
    theirs = trimesh.Trimesh(vertices - 1, faces[:, ::-1], process=True)
    key = np.lexsort(np.round(ours.vertices, 5).T), np.lexsort(np.round(theirs.vertices, 5).T)
    assert ours.vertices[key[0]] == pytest.approx(theirs.vertices[key[1]], abs=2e-6)
    assert len(ours.faces) == len(theirs.faces)
    assert ours.euler_number == theirs.euler_number == 2
    assert ours.volume == pytest.approx(abs(theirs.volume), rel=1e-3)  # cells may be cut along other diagonals
    assert ours.area == pytest.approx(theirs.area, rel=1e-3)


def test_sphere_has_its_volume_area_and_outward_normals():
    x, y, z = grid(48)
    mesh = mesh_of((x * x + y * y + z * z).sqrt() - 0.8)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=2e-3)
    assert mesh.area == pytest.approx(4 * np.pi * 0.8**2, rel=2e-3)
    assert (mesh.face_normals * mesh.triangles_center).sum(1).min() > 0.7


def test_vertices_lie_between_the_moved_ends():
    """A plane x = 0.1 seen by a grid whose points moved: the vertex divides the moved edge, by hand."""
    K = 5
    tsdf = (grid(K)[0] - 0.1).double()
    deformation = torch.rand((3, K, K, K), generator=rng(0), dtype=torch.float64) * 2 - 1
    vertices, _ = extract(tsdf, deformation)
    mesh = topology(tsdf < 0)
    row = ((mesh.lower == torch.tensor([2, 1, 3])) & (mesh.upper == torch.tensor([3, 1, 3]))).all(1).nonzero().item()
    a = torch.tensor([0.0, -0.5, 0.5]) + deformation[:, 2, 1, 3] * 0.25
    b = torch.tensor([0.5, -0.5, 0.5]) + deformation[:, 3, 1, 3] * 0.25
    assert vertices[row].tolist() == pytest.approx((a + 0.2 * (b - a)).tolist())


def test_shape_that_touches_the_border_is_kept_exactly():
    K = 9
    x, y, z = grid(K)
    mesh = mesh_of((x.abs() - 1).maximum(y.abs() - 0.4).maximum(z.abs() - 0.4))
    assert mesh.is_watertight
    assert mesh.bounds[:, 0] == pytest.approx([-1, 1])


# --- gradients


def test_gradcheck():
    K = 5
    tsdf, deformation = random_volume(K, 7)
    tsdf = torch.where(tsdf.abs() < 0.05, 0.3, tsdf).double().requires_grad_()
    deformation = deformation.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda t, d: extract(t, d)[0], (tsdf, deformation), eps=1e-7)


def test_gradcheck_blocks():
    values = (torch.rand((3, 4, 2, 2, 2), generator=rng(1), dtype=torch.float64) * 2 - 1).requires_grad_()
    blocks = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 1]])
    assert torch.autograd.gradcheck(lambda v: extract_blocks(v, blocks, 4)[0], (values,), eps=1e-7)


# --- blocks


@pytest.mark.parametrize("channels", [1, 4])
def test_blocks_give_what_the_dense_volume_gives(channels):
    K, b = 32, 8
    dense = torch.cat([(wavy_ball(K) * 6).clamp(-1, 1)[None], random_volume(K, 5)[1]])[:channels]
    tiles = dense.unfold(1, b, b).unfold(2, b, b).unfold(3, b, b).permute(1, 2, 3, 0, 4, 5, 6)
    active = (tiles[:, :, :, 0].abs() < 1).flatten(3).any(3)
    blocks = active.nonzero()
    assert 0 < len(blocks) < active.numel()
    elsewhere = (tiles[:, :, :, 0, 0, 0, 0] < 0) & ~active
    order = torch.randperm(len(blocks), generator=rng(2))
    got = extract_blocks(tiles[active][order], blocks[order], K, elsewhere)
    expected = extract(dense[0], dense[1:] if channels == 4 else None)
    inner = expected[0].abs().amax(1) <= 1
    assert inner.any()
    assert torch.equal(got[1], expected[1])
    assert torch.allclose(got[0], expected[0], atol=1e-7)


def test_no_block_is_an_empty_or_a_full_volume():
    nothing = torch.zeros(0, 4, 4, 4, 4), torch.zeros(0, 3, dtype=torch.int64)
    assert len(extract_blocks(*nothing, 8)[1]) == 0
    vertices, faces = extract_blocks(*nothing, 8, torch.ones(2, 2, 2, dtype=torch.bool))
    assert_closed_manifold(faces.numpy(), len(vertices))


def test_blocks_outside_the_grid_are_refused():
    with pytest.raises(ValueError, match=r"0\.\.1"):
        extract_blocks(torch.zeros(1, 4, 4, 4, 4), torch.tensor([[0, 2, 0]]), 8)
    with pytest.raises(ValueError, match="do not tile"):
        extract_blocks(torch.zeros(1, 4, 4, 4, 4), torch.tensor([[0, 0, 0]]), 10)
