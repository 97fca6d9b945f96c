"""The codec ``necgs-paper``: Ren et al., Neural Compression for 3D Geometry Sets, as published."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from bench.codec import CodecInfo, Context
from bench.codec.devices import gpu_count
from necgs.codec import VolumeCodec
from necgs.paper_settings import LADDER, PaperRate

TRIAL = """
from necgs.fit.raster.visibility import visibility_on
print(visibility_on("cuda").reason)
"""


@functools.cache
def no_nvdiffrast() -> str:
    """Why nvdiffrast cannot be used on the GPU here; empty where it can.

    Tried in a process of its own: this one may live for days and must not keep memory of the GPU.
    """
    if importlib.util.find_spec("nvdiffrast") is None:
        return "it is not installed"
    done = subprocess.run([sys.executable, "-c", TRIAL], capture_output=True, text=True, check=False)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1] if lines else ""


class NecgsPaperCodec(VolumeCodec):
    """TSDF-Def volumes fitted by rendering, a dense auto-decoder trained with SSIM, Huffman codes."""

    info: ClassVar[CodecInfo] = CodecInfo(
        name="necgs-paper",
        version="1",
        title="NeCGS (published)",
        summary="TSDF-Def volumes fitted by rendering, a dense auto-decoder, Huffman codes; days on a CPU",
        kind="neural",
        licence="MIT",
        deterministic=False,
        reference="https://arxiv.org/abs/2405.15034",
        devices=("cpu", "cuda"),
    )
    rate_type: ClassVar[type[PaperRate]] = PaperRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = LADDER

    def provenance(self) -> dict[str, str]:
        """Versions of the packages, and what finds the visible faces of rendered fits on a GPU, where there is one."""
        found = super().provenance()
        if gpu_count():
            reason = no_nvdiffrast()
            found["visibility"] = f"on the CPU ({reason})" if reason else "nvdiffrast"
        return found

    def expected_seconds(self, rate: PaperRate, shapes: int, context: Context) -> Mapping[str, float]:
        """Phases fit and train on a CPU, from one iteration of the fit and one training step, timed now.

        On a GPU, what the fit spends on a CPU where nvdiffrast cannot be used.
        """
        from necgs.cost import seconds_of_fit, seconds_of_training, seconds_of_visibility

        context.limit_torch()
        if context.device != "cpu":
            if rate.fit != "rendered" or not (reason := no_nvdiffrast()):
                return {}
            name = f"of the fit, visibility on the CPU, for nvdiffrast cannot be used: {reason}; see docs/gpu.md:"
            return {name: seconds_of_visibility() * shapes}
        fits = {"fit": seconds_of_fit(rate.resolution) * shapes} if rate.fit == "rendered" else {}
        return {**fits, "train": seconds_of_training(rate, shapes)}
