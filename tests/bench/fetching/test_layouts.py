from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bench.fetching import layouts
from bench.fetching.layouts import Layout
from bench.fetching.sources import SOURCES

VPCC = layouts.programs("PccAppEncoder", "PccAppDecoder")


@pytest.mark.parametrize(
    ("layout", "path", "expected"),
    [
        (layouts.ama, "T_samba/meshes/mesh_0003.obj", "T_samba/meshes/mesh_0003.obj"),
        (layouts.ama, "T_samba/T_samba/meshes/meshes/mesh_0003.obj", "T_samba/meshes/mesh_0003.obj"),
        (layouts.ama, "data/march1/mesh_0003.obj", "march1/meshes/mesh_0003.obj"),
        (layouts.ama, "march_1/mesh_0003.obj", "march_1/meshes/mesh_0003.obj"),
        (layouts.ama, "T_samba/images/Image1_0003.png", None),
        (layouts.ama, "T_samba/template/template.obj", None),
        (layouts.ama, "somebody/mesh_0003.obj", None),
        (layouts.dt4d, "DT4D/Animals/bear/bear.anime", "animals/bear/bear.anime"),
        (layouts.dt4d, "bear_run.anime", "bear_run/bear_run.anime"),
        (layouts.dt4d, "animals/bear/screenshot.png", None),
        (layouts.thingi10k, "Thingi10K/raw_meshes/100032.stl", "raw_meshes/100032.stl"),
        (layouts.thingi10k, "npz/100032.npz", "npz/100032.npz"),
        (layouts.thingi10k, "Thingi10K/metadata/tags.csv", None),
        (layouts.thingi10k, "raw_meshes/readme.stl", None),
        (layouts.program_alone("tmc3"), "build/tmc3/tmc3", "bin/tmc3"),
        (layouts.program_alone("tmc3"), "build/Release/TMC3.exe", "bin/TMC3.exe"),
        (layouts.program_alone("tmc3"), "tmc3/tmc3.cpp", None),
        (layouts.program_alone("tmc3"), "cfg/octree.cfg", None),
        (VPCC, "tmc2/bin/PccAppEncoder", "bin/PccAppEncoder"),
        (VPCC, "cfg/tmc2/cfg/common/ctc-common.cfg", "cfg/common/ctc-common.cfg"),
        (VPCC, "tmc2/bin/PccAppMetrics", None),
        (VPCC, "somewhere/encoder.cfg", None),
        (layouts.checkpoints, "ckpts/r1_0.025bpp.pth", "r1_0.025bpp.pth"),
        (layouts.checkpoints, "ckpts/r8_0.5bpp.pth", None),
    ],
)
def test_each_file_goes_where_it_belongs(layout: Layout, path: str, expected: str | None) -> None:
    assert layout(PurePosixPath(path)) == (None if expected is None else PurePosixPath(expected))


def test_the_checkpoints_are_those_that_the_codec_knows() -> None:
    from baselines.points.pcgcv2.checkpoint import PUBLISHED

    known = dict(PUBLISHED.values())
    assert {name: digest[:12] for name, digest in layouts.CHECKPOINTS.items()} == known


def test_every_source_is_whole() -> None:
    for source in SOURCES.values():
        ways = (source.downloads, source.build, source.by_hand)
        assert sum(map(bool, ways)) == 1, source.name
        assert bool(source.build) == (source.kind == "program"), source.name
        assert source.kind in ("program", "checkpoints", "data")
        assert len({item.name for item in source.downloads}) == len(source.downloads)
        assert source.now.startswith("python -m bench run")
