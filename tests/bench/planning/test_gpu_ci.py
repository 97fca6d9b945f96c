"""The profile for a GPU runner guards what needs a GPU; its workflow is green before there is a baseline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench import registry
from bench.planning.jobs import ladder
from bench.planning.profile import read
from bench.results.spec import CodecSpec

ROOT = Path(__file__).parents[3]
WORKFLOW = (ROOT / ".github" / "workflows" / "quality-gpu.yml").read_text()


def test_it_guards_the_dense_decoder_the_rendered_fit_and_ours() -> None:
    profile = read("gpu-ci")
    settings = {
        text: list(ladder(CodecSpec.parse(text), registry.get(CodecSpec.parse(text).name), profile).values())
        for text in profile.codecs
    }
    paper = settings["necgs-paper"]
    assert {(own["fit"], own["ssim"], own["resolution"]) for own in paper} == {("rendered", True, 128)}
    assert {own["fit"] for own in settings["necgs:deformation=on:fit=rendered"]} == {"rendered"}
    assert {own["architecture"] for text in settings if "encoder" in text for own in settings[text]} == {"auto-encoder"}
    assert {"necgs", "quantdeepsdf"} <= set(settings)
    # 40 ms a dense step of up to 4 shapes, 15 ms an iteration of a fit; the whole must end in ten minutes
    steps = sum(
        own["epochs"] * -(-profile.limit // own["batch"])
        for text in settings
        if "paper" in text
        for own in settings[text]
    )
    assert steps * 0.06 + profile.limit * 500 * 0.015 < 300


def test_its_workflow_judges_nothing_without_a_baseline() -> None:
    judged = WORKFLOW.index("if [ -f bench/gates/gpu-ci.json ]")
    assert WORKFLOW.index("--update-baseline") > judged
    assert "runs/gpu-ci/gpu-ci.json" in WORKFLOW[WORKFLOW.index("upload-artifact") :]


def test_its_environments_are_of_its_own() -> None:
    assert "pip install --user" not in WORKFLOW
    assert WORKFLOW.index("--notest") < WORKFLOW.index("--no-build-isolation") < WORKFLOW.index("tox -e gpu\n")
    gpu = (ROOT / "tox.ini").read_text().partition("[testenv:gpu]")[2].partition("\n[")[0]
    assert "system_site_packages" not in gpu


@pytest.mark.parametrize("page", ["README.md", "docs/gpu.md", ".github/workflows/quality-gpu.yml"])
def test_nvdiffrast_is_installed_behind_torch_and_its_needs_are_named(page: str) -> None:
    """Its metadata imports torch; without build isolation pip brings no setuptools that reads this package."""
    text = (ROOT / page).read_text()
    torch = text.index("tox -e gpu --notest" if page.endswith(".yml") else "pip install . &&")
    tools = re.search(r"pip install 'setuptools>=(\d+)' wheel ninja", text)
    assert tools
    assert torch < tools.start() < text.index("--no-build-isolation '.[gpu]'")
    required = re.search(r"setuptools>=(\d+)", (ROOT / "pyproject.toml").read_text())
    assert required
    assert tools[1] == required[1]
    needs = ["nvcc", "C++ compiler", "CUDA", *(["TORCH_CUDA_ARCH_LIST"] if page.endswith(".md") else [])]
    assert [need for need in needs if need not in text] == []
