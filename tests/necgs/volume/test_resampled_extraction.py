"""Extraction on another grid: the coded grid's surface, closed, with its vertices on the zeros of the volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from scipy.ndimage import map_coordinates

from necgs.studies.extraction_table import main
from necgs.volume.dmc import extract
from necgs.volume.resampled_extraction import PLANES, check_extraction, extract_at, mesh_at

K = 24
GRIDS = (12, 17, 24, 25, 47, 96)


def positions(K: int) -> torch.Tensor:
    axis = torch.linspace(-1, 1, K)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))


def ball(K: int = K, radius: float = 0.7) -> torch.Tensor:
    """The truncated signed distance of a ball, (1, K, K, K)."""
    return ((positions(K).norm(dim=0) - radius) * ((K - 1) / 4)).clamp(-1, 1)[None]


def random_volume(channels: int, seed: int = 0) -> torch.Tensor:
    return torch.rand((channels, 9, 9, 9), generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("R", GRIDS)
def test_vertices_lie_on_the_zeros_of_the_trilinear_function(R: int) -> None:
    """Though the TSDF is truncated at two coded cells; scipy interpolates independently."""
    vertices, faces = extract_at(ball(), R)
    assert len(faces) > R
    index = (vertices.double().numpy().T + 1) * (K - 1) / 2
    assert np.abs(map_coordinates(ball()[0].numpy(), index, order=1)).max() < 1e-4
    assert (vertices.norm(dim=1) - 0.7).abs().max() < 3 * (2 / (K - 1)) ** 2 / (8 * 0.7)  # what the ball bulges


@pytest.mark.parametrize("channels", [1, 4])
def test_the_coded_grid_gives_deformable_marching_cubes(channels: int) -> None:
    volume = random_volume(channels)
    expected, expected_faces = extract(volume[0], volume[1:] if channels == 4 else None)
    vertices, faces = extract_at(volume, 9)
    assert torch.equal(faces, expected_faces)
    torch.testing.assert_close(vertices, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("R", [5, 7, 9, 13, 17, 2 * PLANES + 1])
def test_every_grid_gives_a_closed_surface(R: int, channels: int) -> None:
    for seed in range(3):
        mesh = mesh_at(random_volume(channels, seed), R)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        assert np.abs(mesh.vertices).max() <= 1 + 2 * (2 / 8)


def test_a_grid_that_contains_the_coded_one_keeps_its_vertices() -> None:
    volume = random_volume(4)
    coarse, _ = extract(volume[0], volume[1:])
    fine, _ = extract_at(volume, 17)
    inner = coarse[(coarse.abs() < 1).all(1)]
    assert torch.cdist(inner.double(), fine.double()).min(1).values.max() < 1e-5


@pytest.mark.parametrize("R", GRIDS)
def test_the_deformation_keeps_its_length(R: int) -> None:
    """It is in units of half a coded cell on every grid."""
    still, _ = extract_at(ball(), R)
    move = torch.tensor([1.0, -0.5, 0.25])
    moved, _ = extract_at(torch.cat([ball(), move.view(3, 1, 1, 1).expand(3, K, K, K)]), R)
    torch.testing.assert_close(moved - still, (move / (K - 1)).expand_as(still), atol=1e-6, rtol=0)


def test_a_surface_at_the_border_stays_within_a_cell_of_it() -> None:
    """The layer of outside points lies one coded cell beyond the cube; a finer grid ends before."""
    full = torch.full((1, 8, 8, 8), -1.0)
    for R in (4, 8, 15, 32):
        mesh = mesh_at(full, R)
        assert mesh.is_watertight
        np.testing.assert_allclose(mesh.bounds[1], 1 + min(1 / 7, 2 / (R - 1)), atol=1e-5)


def test_no_surface() -> None:
    vertices, faces = extract_at(torch.ones(1, 8, 8, 8), 12)
    assert (len(vertices), len(faces)) == (0, 0)


def test_the_table_has_a_line_for_every_volume_and_grid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trimesh.creation.icosphere(2).export(tmp_path / "ball.ply")
    assert main([str(tmp_path / "ball.ply"), "--resolution", "16", "--extract", "8", "16"]) == 0
    head, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert [row[:4] for row in rows] == [["ball", v, "16", r] for v in ("plain", "direct") for r in ("8", "16")]
    error = head.index("error")
    assert float(rows[3][error]) < float(rows[1][error]) < float(rows[0][error])
    with pytest.raises(SystemExit):
        main([str(tmp_path / "ball.ply"), "--resolution", "16", "--extract", "7"])


@pytest.mark.parametrize(("coded", "wanted"), [(64, 31), (64, 257), (63, 31), (256, 513), (512, 255), (4, 3)])
def test_grids_that_are_too_coarse_or_too_fine(coded: int, wanted: int) -> None:
    with pytest.raises(ValueError, match=f"not {wanted}"):
        check_extraction(coded, wanted)


@pytest.mark.parametrize(("coded", "wanted"), [(64, 32), (64, 256), (63, 32), (256, 512), (512, 256), (4, 4), (4, 16)])
def test_grids_at_the_bounds(coded: int, wanted: int) -> None:
    check_extraction(coded, wanted)
