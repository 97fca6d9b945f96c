"""What the README says must be so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bench import registry
from bench.__main__ import build_parser, main
from bench.planning.jobs import ladder
from bench.planning.profile import Profile, parse, read, tomllib
from bench.results.spec import CodecSpec

README = (Path(__file__).parents[1] / "README.md").read_text()
ROOT = Path(__file__).parents[1]


def test_the_codec_table_is_that_of_the_registry(capsys):
    assert main(["codecs", "--markdown"]) == 0
    assert capsys.readouterr().out.strip() in README, "put the output of: python -m bench codecs --markdown"


def codecs():
    """Name -> codec of every registered codec."""
    return {name: registry.get(name) for name in registry.names()}


def test_the_results_are_of_the_codecs_and_rates_of_the_default_profile():
    profile = read("quick")
    ran = {codec.info.title: list(ladder(CodecSpec.parse(name), codec, profile)) for name, codec in codecs().items()}
    table = README[README.index("| codec | rate | bytes/shape") :].split("\n\n")[0].splitlines()[2:]
    shown = {}
    for line in table:
        title, label = (cell.strip() for cell in line.split("|")[1:3])
        shown.setdefault(title, []).append(label)
    assert {title: ran[title] for title in shown} == shown
    left_out = {codecs()[name].info.title for name in profile.leave_out}
    assert not left_out & set(shown)
    assert all(title in README for title in left_out)


@pytest.mark.parametrize("page", ["README.md", "docs/necgs.md", "docs/reports.md", "docs/necgs-training.md"])
def test_variants_and_profiles_that_a_page_writes_exist(page):
    known, text = codecs(), (ROOT / page).read_text()
    variant = rf"(?<![\w:.-])((?:{'|'.join(known)})(?::\w+=[\w.-]+)+)"
    for spec in map(CodecSpec.parse, re.findall(variant, text)):
        assert ladder(spec, known[spec.name], Profile("page"))
    for block in re.findall(r"```toml\n(.*?)```", text, re.S):
        if "description" in block:
            profile = parse("page", tomllib.loads(block))
            for spec in map(CodecSpec.parse, profile.codecs):
                assert ladder(spec, known[spec.name], profile)


def test_the_example_codec_works(tmp_path, monkeypatch):
    """Codes and decodes a mesh with the codec of the section "Adding a codec"."""
    import trimesh

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
