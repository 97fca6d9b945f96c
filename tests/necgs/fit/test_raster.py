"""Depth and silhouette: visibility against ray casting, gradients against finite differences."""

import math

import numpy as np
import open3d as o3d
import pytest
import torch
import trimesh

from necgs.fit.raster import Cameras, depth_of, edges_of, project, random_cameras, silhouette_of, visible_faces
from necgs.fit.raster.visibility import clip_positions


def bumpy(subdivisions=3):
    mesh = trimesh.creation.icosphere(subdivisions, 0.75)
    v = mesh.vertices
    v *= 1 + 0.12 * np.sin(7 * v[:, :1]) * np.cos(6 * v[:, 1:2] + 1)
    ring = trimesh.creation.torus(0.85, 0.06)
    mesh = trimesh.util.concatenate([trimesh.Trimesh(v, mesh.faces), ring])
    return torch.tensor(mesh.vertices, dtype=torch.float64), torch.tensor(mesh.faces, dtype=torch.int64)


def cameras(n, seed=0):
    return random_cameras(n, torch.Generator().manual_seed(seed))


def rays(views, size):
    """World-space rays through the pixel centres, by hand."""
    half = math.tan(views.field_of_view / 2)
    c = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(c * half, c * half)
    direction = np.stack([x, y, np.ones_like(x)], axis=-1)
    R, t = views.rotation.double().numpy(), views.translation.double().numpy()
    origin = -np.einsum("bji,bj->bi", R, t)
    return origin, np.einsum("bji,hwj->bhwi", R, direction)


def ray_cast(vertices, faces, views, size):
    origin, direction = rays(views, size)
    scene = o3d.t.geometry.RaycastingScene()
    tensor = o3d.core.Tensor.from_numpy
    scene.add_triangles(tensor(vertices.numpy().astype(np.float32)), tensor(faces.numpy().astype(np.uint32)))
    start = np.broadcast_to(origin[:, None, None], direction.shape)
    hit = scene.cast_rays(tensor(np.concatenate([start, direction], -1).astype(np.float32)))
    ids = hit["primitive_ids"].numpy().astype(np.int64)
    return np.where(np.isfinite(hit["t_hit"].numpy()), ids, -1), hit["t_hit"].numpy()


def test_cameras_are_the_papers():
    views = cameras(500)
    identity = views.rotation @ views.rotation.transpose(1, 2)
    assert torch.allclose(identity, torch.eye(3).expand_as(identity), atol=1e-5)
    assert torch.linalg.det(views.rotation).min() > 0.99
    assert views.rotation.mean(0).abs().max() < 0.1
    offset = views.translation - torch.tensor([0, 0, 3.0])
    assert 0.24 < offset.abs().max() <= 0.25
    assert views.field_of_view == pytest.approx(math.pi / 4)
    assert torch.equal(cameras(3).rotation, cameras(3).rotation)


def test_visibility_and_depth_agree_with_ray_casting():
    vertices, faces = bumpy()
    views, size = cameras(3), 96
    xy, z = project(vertices, views, size)
    ids = visible_faces(xy, z, faces, size)
    expected, depth = ray_cast(vertices, faces, views, size)
    assert (ids.numpy() != expected).mean() < 2e-4
    same = (ids.numpy() == expected) & (expected >= 0)
    assert same.mean() > 0.05
    assert depth_of(xy, z, faces, ids).numpy()[same] == pytest.approx(depth[same], abs=2e-5)
    assert (depth_of(xy, z, faces, ids)[ids < 0] == 0).all()


def test_a_triangle_covers_the_pixels_whose_centres_lie_in_it():
    xy = torch.tensor([[[1.0, 1.0], [7.0, 1.0], [1.0, 7.0]]])
    ids = visible_faces(xy, torch.full((1, 3), 2.0), torch.tensor([[0, 1, 2]]), 8)
    centre = np.arange(8) + 0.5
    x, y = np.meshgrid(centre, centre)
    assert np.array_equal(ids[0].numpy() == 0, (x >= 1) & (y >= 1) & (x + y <= 8))


def test_the_nearer_face_wins_and_faces_behind_the_camera_are_left_out():
    square = torch.tensor([[0.0, 0], [8, 0], [0, 8]])
    xy = torch.cat([square, square, square])[None]
    z = torch.tensor([[2.0] * 3 + [1.0] * 3 + [0.5, 0.5, -0.1]])
    faces = torch.arange(9).reshape(3, 3)
    assert set(visible_faces(xy, z, faces, 8).unique().tolist()) == {-1, 1}


def test_clip_positions_project_back_to_the_pixels():
    vertices, _ = bumpy(1)
    xy, z = project(vertices, cameras(2), 64)
    clip = clip_positions(xy, z, 64)
    assert ((clip[..., :2] / clip[..., 3:] + 1) * 32).numpy() == pytest.approx(xy.numpy())
    ndc = clip[..., 2] / clip[..., 3]
    assert ndc.abs().max() <= 1
    nearest = z.flatten().argsort()
    assert (ndc.flatten()[nearest].diff() >= 0).all()


def test_unknown_back_end_is_refused():
    with pytest.raises(ValueError, match="none of"):
        visible_faces(torch.zeros(1, 3, 2), torch.ones(1, 3), torch.tensor([[0, 1, 2]]), 8, backend="opengl")


def test_edges_pair_faces_and_mark_boundaries():
    faces = torch.tensor([[0, 1, 2], [2, 1, 3], [1, 2, 4]])  # edge 1-2 has three faces
    edges = edges_of(faces)
    found = sorted((*sorted(e), *f) for e, f in zip(edges.ends.tolist(), edges.faces.tolist(), strict=True))
    assert found == [(0, 1, 0, -1), (0, 2, 0, -1), (1, 2, 0, 1), (1, 2, 1, 2), (1, 3, 1, -1), (1, 4, 2, -1),
                     (2, 3, 1, -1), (2, 4, 2, -1)]  # fmt: skip
    mesh = trimesh.creation.icosphere(2)
    edges = edges_of(torch.tensor(mesh.faces, dtype=torch.int64))
    assert {tuple(e) for e in edges.ends.tolist()} == {tuple(e) for e in mesh.edges_unique.tolist()}
    assert (edges.faces >= 0).all()


def shift(v, amount):
    return v + amount * torch.tensor([1.0, 0.3, -0.2], dtype=v.dtype)


def grow(v, amount):
    return v * (1 + amount)


def weighted_area(vertices, faces, views, size):
    """Mask area under a smooth weight, in units of the image."""
    xy, z = project(vertices, views, size)
    ids = visible_faces(xy, z, faces, size)
    mask = silhouette_of(xy, faces, ids, edges_of(faces))
    c = (torch.arange(size, dtype=xy.dtype) + 0.5) / size
    weight = 1 + c[:, None] * 0.7 + torch.sin(3 * c)[None] * 0.5
    return (mask * weight).mean(), ids


def test_silhouette_of_a_half_plane_is_its_exact_area():
    """Steep and flat lines at any offset: the sum over the mask is the area."""
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    for slope in (0.0, 0.3, 0.7):
        for offset in (4.1, 4.5, 4.8):
            corners = [[-20, -20], [offset - 24 * slope, -20], [offset + 16 * slope, 20], [-20, 20]]
            steep = torch.tensor(corners)[None]
            for xy in (steep, steep.flip(2)):
                ids = visible_faces(xy, torch.ones(1, 4), faces, 8)
                mask = silhouette_of(xy, faces, ids, edges_of(faces))
                assert mask.sum().item() == pytest.approx(8 * offset, abs=1e-4)


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("subdivisions", [3, 5])
def test_silhouette_gradient_against_finite_differences(size, subdivisions):
    """Finite differences of a finer image; triangles from several pixels down to less than one."""
    vertices, faces = bumpy(subdivisions)
    views = cameras(4, seed=3)
    amount = torch.zeros((), dtype=torch.float64, requires_grad=True)
    area, _ = weighted_area(grow(vertices, amount), faces, views, size)
    (analytic,) = torch.autograd.grad(area, amount)
    step = 2e-3
    fine = [weighted_area(grow(vertices, s), faces, views, 1024)[0] for s in (step, -step)]
    assert analytic.item() == pytest.approx((fine[0] - fine[1]).item() / (2 * step), rel=0.03)


def test_silhouette_gradient_of_one_moved_triangle():
    """Single-triangle image: the derivative of the area along each vertex coordinate, closed form."""
    generator = torch.Generator().manual_seed(0)
    faces = torch.tensor([[0, 1, 2]])
    for _ in range(5):
        xy = (torch.rand((1, 3, 2), generator=generator, dtype=torch.float64) * 200 + 28).requires_grad_()
        ids = visible_faces(xy, torch.ones(1, 3), faces, 256)
        mask = silhouette_of(xy, faces, ids, edges_of(faces))
        (analytic,) = torch.autograd.grad(mask.sum(), xy)
        a, b, c = xy[0]
        area = ((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0]).abs() / 2
        (exact,) = torch.autograd.grad(area, xy)
        assert mask.sum().item() == pytest.approx(area.item(), abs=3)
        assert analytic.numpy() == pytest.approx(exact.numpy(), abs=2.5)


@pytest.mark.parametrize("change", [grow, shift])
def test_depth_gradient_against_finite_differences(change):
    vertices, faces = bumpy(4)
    views, size, step = cameras(4, seed=1), 128, 1e-5
    images, ids = [], []
    for s in (step, -step):
        xy, z = project(change(vertices, s), views, size)
        ids.append(visible_faces(xy, z, faces, size))
        images.append(depth_of(xy, z, faces, ids[-1]))
    same = (ids[0] == ids[1]) & (ids[0] >= 0)
    weight = torch.rand(same.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * same
    amount = torch.zeros((), dtype=torch.float64, requires_grad=True)
    xy, z = project(change(vertices, amount), views, size)
    (analytic,) = torch.autograd.grad((depth_of(xy, z, faces, ids[0]) * weight).sum(), amount)
    assert analytic.item() == pytest.approx(((images[0] - images[1]) * weight).sum().item() / (2 * step), rel=1e-4)


def test_pose_and_size_are_recovered_from_silhouettes_alone():
    vertices, faces = bumpy(3)
    edges, size = edges_of(faces), 96
    truth = torch.tensor([0.05, -0.03, 0.04, 0.06], dtype=torch.float64)
    guess = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([guess], lr=0.01)

    def render(p, views):
        xy, z = project(vertices * (1 + p[3]) + p[:3], views, size)
        return silhouette_of(xy, faces, visible_faces(xy, z, faces, size), edges)

    generator = torch.Generator().manual_seed(0)
    for step in range(60):
        views = random_cameras(2, generator)
        loss = (render(guess, views) - render(truth, views)).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.param_groups[0]["lr"] = 0.01 * 0.95**step
        optimiser.step()
    assert guess.detach().numpy() == pytest.approx(truth.numpy(), abs=3e-3)


def test_empty_mesh_renders_to_nothing():
    vertices, faces = torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64)
    xy, z = project(vertices, cameras(2), 16)
    ids = visible_faces(xy, z, faces, 16)
    assert (ids == -1).all()
    assert not depth_of(xy, z, faces, ids).any()
    assert not silhouette_of(xy, faces, ids, edges_of(faces)).any()


def test_cameras_validate_themselves():
    with pytest.raises(ValueError, match="cameras"):
        Cameras(torch.eye(3)[None], torch.zeros(2, 3))


@pytest.mark.gpu
def test_nvdiffrast_sees_what_the_depth_buffer_sees():
    pytest.importorskip("nvdiffrast")
    vertices, faces = (t.cuda() for t in bumpy(4))
    views = random_cameras(3, torch.Generator().manual_seed(0), device="cuda")
    xy, z = project(vertices.float(), views, 128)
    theirs, ours = (visible_faces(xy, z, faces, 128, backend=name) for name in ("nvdiffrast", "numba"))
    assert (theirs != ours).float().mean() < 1e-3


def test_a_pixel_that_just_misses_a_face_has_a_depth_near_it():
    # The plane of the sliver rises by 1 in a hundredth of a pixel; pixel (5, 0) lies 0.06 pixels beside it.
    xy = torch.tensor([[[0.0, 0.44], [10.0, 0.44], [5.0, 0.43]]], requires_grad=True)
    z = torch.tensor([[2.0, 2.0, 3.0]], requires_grad=True)
    ids = torch.full((1, 1, 10), -1)
    ids[0, 0, 5] = 0
    depth = depth_of(xy, z, torch.tensor([[0, 1, 2]]), ids)[0, 0, 5]
    assert 1.85 < depth < 3.15
    depth.backward()
    assert not xy.grad.any()
    assert not z.grad.any()
