import threading

import pytest

from bench.execution.stored_meshes import StoredMeshes
from bench.results.meshes import MeshesUnavailable
from reports.run_data import RunData
from reports.views.views import choose_shapes, make_views, similar_rates
from tests.reports.meshes import write_run_with_meshes
from tests.reports.synthetic import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    made = write_run_with_meshes(folder / "run", folder / "cache")
    return RunData.load(made.path), StoredMeshes(made, folder / "cache")


def test_a_view_holds_every_rate_or_each_codec_at_a_similar_size(run):
    data, meshes = run
    every = make_views(data, "folder:x", meshes)
    similar = make_views(data, "folder:x", meshes, every_rate=False)
    assert [len(view.panels) for view in every] == [5, 5, 5]
    assert [len(view.panels) for view in similar] == [3, 3, 3]
    rates = similar_rates(data, "folder:x")
    for view, other in zip(every, similar, strict=True):
        kept = view.only(rates)
        assert [(p.codec, p.rate) for p in kept.panels] == [(p.codec, p.rate) for p in other.panels]
        assert kept.scale == other.scale


def test_five_shapes_run_evenly_from_the_worst_to_the_best(tmp_path):
    data = RunData.load(write_run(tmp_path / "run", codecs=["draco", "octree"], shapes=21).path)
    five, three = choose_shapes(data, "sample", 5), choose_shapes(data, "sample")
    assert list(five) == ["worst", "harder", "median", "easier", "best"]
    assert {role: five[role] for role in three} == three
    shapes = data.shapes[data.shapes["codec"] == "draco"].groupby("shape")["surface_cd"].mean()
    order = shapes.sort_values(ascending=False).index.tolist()
    assert list(five.values()) == [order[k] for k in (0, 5, 10, 15, 20)]


class Together(StoredMeshes):
    """Answers once two archives are asked for at a time; has none of the second rate of draco."""

    barrier = threading.Barrier(2, timeout=60)

    def decoded(self, set_row, shape_rows):
        self.barrier.wait()
        if (set_row["codec"], set_row["rate"]) == self.without:
            raise MeshesUnavailable("the archive is gone")
        return super().decoded(set_row, shape_rows)


def test_archives_are_decoded_side_by_side(run):
    data, meshes = run
    together = Together(meshes.run, meshes.cache, at_once=2)
    expected = make_views(data, "folder:x", meshes)[0]
    gone = expected.panels[2]
    together.without = gone.codec, gone.rate
    view = make_views(data, "folder:x", together)[0]
    assert [(panel.codec, panel.rate) for panel in view.panels] == [(p.codec, p.rate) for p in expected.panels]
    failures = [panel.failure for panel in view.panels]
    assert [bool(failure) for failure in failures] == [False, False, True, False, False]
    assert "the archive is gone" in failures[2]
