"""Volumes as they are kept on disk come back as they were."""

import numpy as np
import pytest

from bench.codec import Context
from necgs.fit.fit_volume import FITS, fitted_volume
from necgs.volume.tsdf_def import TsdfDef
from tests.necgs.training.test_dense import spheres


@pytest.mark.parametrize("codes", [
    *spheres(K=24, channels=4),
    spheres(K=13, channels=1)[0],
    np.full((1, 5, 5, 5), 128, np.int16),
    np.full((4, 5, 5, 5), -128, np.int16),
])  # fmt: skip
def test_a_packed_volume_comes_back(codes):
    assert np.array_equal(TsdfDef.of_codes(codes).dense(len(codes)), codes)
    assert np.array_equal(TsdfDef.unpacked(TsdfDef.of_codes(codes).packed()).dense(len(codes)), codes)


def test_a_moved_point_beyond_the_band_is_kept():
    codes = np.zeros((4, 6, 6, 6), np.int16)
    codes[0] = 128
    codes[2, 1, 2, 3] = -7
    packed = TsdfDef.of_codes(codes).packed()
    assert packed["values"].tolist() == [[128], [-7]]
    assert packed["kept"].tolist() == [0, 2]
    assert np.array_equal(TsdfDef.unpacked(packed).codes, codes)


def test_a_cached_volume_is_the_computed_one_and_takes_a_fraction_of_its_bytes(tmp_path):
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.7)
    context = Context(cache=tmp_path)
    first = fitted_volume(ball, 48, FITS["direct"], context).codes
    stored = sum(file.stat().st_size for file in tmp_path.rglob("*.npz"))
    assert stored < 0.3 * first.nbytes
    assert np.array_equal(fitted_volume(ball, 48, FITS["direct"], context).codes, first)
    assert np.array_equal(fitted_volume(ball, 48, FITS["direct"]).codes, first)
