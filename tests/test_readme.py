"""What the README says must be so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bench.__main__ import build_parser, main

README = (Path(__file__).parents[1] / "README.md").read_text()
ROOT = Path(__file__).parents[1]


def test_the_codec_table_is_that_of_the_registry(capsys):
    assert main(["codecs", "--markdown"]) == 0
    assert capsys.readouterr().out.strip() in README, "put the output of: python -m bench codecs --markdown"


def test_the_example_codec_works(tmp_path, monkeypatch):
    """Codes and decodes a mesh with the codec of the section "Adding a codec"."""
    import trimesh

    from bench import registry
    from bench.codec import Context

    source = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "mycodec.py" in block)
    (tmp_path / "mycodec.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    codec = registry.get("mycodec:Grid")
    mesh = trimesh.creation.icosphere(subdivisions=2)
    archive = codec.encode([mesh], codec.rate_type(bits=12), Context(scratch=tmp_path))
    decoded = codec.decode(archive, Context(scratch=tmp_path))[0]
    assert abs(decoded.vertices - mesh.vertices).max() < 1 / 4095
    assert (decoded.faces == mesh.faces).all()


@pytest.mark.parametrize("line", re.findall(r"^(?:.*&& )?python -m bench (.*?)(?: +#.*)?$", README, re.M))
def test_command_lines_of_the_readme_parse(line):
    build_parser().parse_args(shlex.split(line.replace("~/", "/home/me/")))


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), f"the README links to {target}"


def test_the_gate_runs_the_command_of_the_readme():
    command = (ROOT / ".ci" / "run").read_text().strip().splitlines()[-1]
    assert f"```sh\n{command}\n```" in README
