"""The codec ``necgs-paper``: Ren et al., Neural Compression for 3D Geometry Sets, as published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from bench.codec import CodecInfo, Context
from bench.codec.devices import gpu_count
from necgs.codec import VolumeCodec
from necgs.paper_settings import LADDER, PaperRate
from necgs.rendering import visibility_here


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
            found["visibility"] = visibility_here()
        return found

    def expected_seconds(self, rate: PaperRate, shapes: int, context: Context) -> Mapping[str, float]:
        """Phases fit and train on a CPU, from one iteration of the fit and one training step, timed now.

        On a GPU as `VolumeCodec`.
        """
        from necgs.cost import seconds_of_fit, seconds_of_training

        if context.device != "cpu":
            return super().expected_seconds(rate, shapes, context)
        context.limit_torch()
        fits = {"fit": seconds_of_fit(rate.resolution) * shapes} if rate.fit == "rendered" else {}
        return {**fits, "train": seconds_of_training(rate, shapes)}
