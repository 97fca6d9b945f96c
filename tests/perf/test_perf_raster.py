"""Speed of visibility, depth and silhouette: four views of a mesh of 20,480 faces."""

import pytest
import torch
import trimesh

from necgs.fit.raster import depth_of, edges_of, project, random_cameras, silhouette_of, visible_faces


@pytest.fixture(params=[256, 512])
def scene(request):
    mesh = trimesh.creation.icosphere(5, 0.8)
    vertices = torch.tensor(mesh.vertices, dtype=torch.float32)
    views = random_cameras(4, torch.Generator().manual_seed(0))
    return vertices, torch.tensor(mesh.faces, dtype=torch.int64), views, request.param


def test_visibility(benchmark, scene):
    vertices, faces, views, size = scene
    xy, z = project(vertices, views, size)
    benchmark(visible_faces, xy, z, faces, size)


def test_edges(benchmark, scene):
    benchmark(edges_of, scene[1])


def test_visibility_depth_and_silhouette_with_backward(benchmark, scene):
    vertices, faces, views, size = scene
    edges = edges_of(faces)
    vertices = vertices.requires_grad_()

    def step():
        xy, z = project(vertices, views, size)
        ids = visible_faces(xy, z, faces, size)
        (depth_of(xy, z, faces, ids).mean() + silhouette_of(xy, faces, ids, edges).mean()).backward()

    benchmark(step)
