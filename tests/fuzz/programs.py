"""Stand-ins for what formats need beside their bytes: programs of MPEG, the network of PCGCv2."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from baselines.points import point_cloud
from baselines.points.pcgcv2 import codec as pcgcv2

COPY = """#!/bin/sh
for a; do
  case $a in
    --compressedStreamPath=*) i=${a#*=} ;;
    --reconstructedDataPath=*) o=${a#*=} ;;
  esac
done
cp "$i" "$o"
"""
"""The "decoder": what it decodes to is what the stream says."""

CONFIGURATION = (
    *("common/ctc-common.cfg", "condition/ctc-all-intra.cfg"),
    *("rate/ctc-r1.cfg", "hdrconvert/yuv420torgb444.cfg"),
)
DIGEST = "abcd" + "0" * 60


def install() -> None:
    """For this process: programs that hand streams on, a network that nobody trained, no surface reconstruction.

    (The surface of what `octree` decodes is reconstructed; a second and third time would cost more than it tells.)
    """
    folder = Path(tempfile.mkdtemp(prefix="fuzz-programs-"))
    for name, variable in (("tmc3", "TMC3"), ("encode", "PCC_APP_ENCODER"), ("decode", "PCC_APP_DECODER")):
        script = folder / name
        script.write_text(COPY)
        script.chmod(0o755)
        os.environ[variable] = str(script)
    for name in CONFIGURATION:
        (folder / "cfg" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cfg" / name).touch()
    os.environ["PCC_CFG_DIR"] = str(folder / "cfg")
    network = untrained()
    pcgcv2._network = lambda rate, context: (network, DIGEST)  # type: ignore[assignment]


def untrained():
    """The network of PCGCv2 with random weights."""
    import torch

    from baselines.points.pcgcv2.network import Network

    torch.set_num_threads(1)
    torch.manual_seed(0)
    return Network().eval()


def points_alone(decode):
    """``decode`` with a surface of one triangle in the place of screened Poisson."""

    def decoded(case, context):
        import numpy as np
        import trimesh

        def surface(points, rate, context, *, coded):
            assert np.isfinite(points).all()
            point_cloud.check_points(len(points), rate, coded, context)
            return trimesh.Trimesh(np.eye(3), [[0, 1, 2]], process=False)

        before = point_cloud.surface_of
        point_cloud.surface_of = surface
        try:
            return decode(case, context)
        finally:
            point_cloud.surface_of = before

    return decoded
