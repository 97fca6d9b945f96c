"""The text files that commands read: rows, manifests, baselines, profiles, what is noted beside an archive."""

from __future__ import annotations

import functools
import json
import re
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from bench import registry
from bench.codec import Context, UserError
from bench.comparison.compare import Tolerance, compare, markdown
from bench.comparison.gate_reference import Baseline
from bench.execution import sealed_archive
from bench.planning import profile
from bench.planning.jobs import check_codecs_named, ladder
from bench.results.check import check
from bench.results.merge import merge
from bench.results.spec import CodecSpec
from bench.results.store import RunFolder
from bench.results.summary import console_table, write_summary
from reports.run_data import RunData
from tests.fuzz.mutations import noise

DEEP = "[" * 3000 + "]" * 3000
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, -0.0, 10**30, 1e308, float("nan"), float("inf"), 1 << 63),
    *("", "x", "../../etc", "=1+1", "\ud800", "<b>", "\n", "ok", "set", [], {}, [1], ["x"], {"x": 1}, [[]], DEEP),
]


def odd_json(r: Random, text: str) -> str:
    """A document with one value replaced, left out or doubled; its form is right."""
    content = json.loads(text)
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            places.append((node, key))
            visit(node[key])

    visit(content)
    node, key = r.choice(places) if places else ({}, "")
    how = r.randrange(8)
    if how == 0:
        del node[key]
    elif how == 1 and isinstance(node, dict):
        node[str(r.choice(ODD))] = node[key]
    else:
        node[key] = r.choice(ODD)
    if r.random() < 0.02:
        content = r.choice(ODD)
    return json.dumps(content).replace(json.dumps(DEEP), DEEP)


def damaged_lines(r: Random, pool: list[bytes]) -> bytes:
    """A file of a JSON object a line."""
    lines = r.choice(pool).splitlines(keepends=True)
    at, how = r.randrange(len(lines)), r.randrange(6)
    if how == 0:
        return noise(r, b"".join(lines), b"".join(lines[::-1]))
    if how == 1:
        del lines[at]
    elif how == 2:
        lines.insert(r.randrange(len(lines)), lines[at])
    else:
        lines[at] = odd_json(r, lines[at].decode()).encode() + b"\n"
    return b"".join(lines)


def damaged_json(r: Random, pool: list[bytes]) -> bytes:
    """A JSON file."""
    data = r.choice(pool)
    return noise(r, data, data[::-1]) if r.random() < 0.2 else odd_json(r, data.decode()).encode()


VALUES = ['"x"', "nan", "inf", "-1", "0", "8.5", "1e400", "true", "[]", "{}", "[1]", "1979-05-27", "''", "9" * 40]


def damaged_toml(r: Random, pool: list[bytes]) -> bytes:
    """A TOML file with some values replaced."""
    data = r.choice(pool)
    if r.random() < 0.2:
        return noise(r, data, data[::-1])
    text = data.decode()
    for _ in range(r.choice([1, 1, 2])):
        found = list(re.finditer(r"(?<== )[^\n,}]+|^\[[^\]]+\]|^\w+(?= =)", text, re.MULTILINE))
        where = r.choice(found)
        text = text[: where.start()] + r.choice(VALUES) + text[where.end() :]
    return text.encode()


@functools.cache
def _example() -> RunFolder:
    from tests.reports.synthetic import write_run

    folder = Path(tempfile.mkdtemp(prefix="fuzz-run-"))
    return write_run(folder, codecs=["draco", "necgs"], shapes=2, rates=1)


def _copy(context: Context) -> RunFolder:
    return RunFolder(Path(shutil.copytree(_example().path, context.scratch / "run")))


def decode_rows(data: bytes, context: Context) -> None:
    """What `bench report`, `gate` and `check` begin with."""
    run = _copy(context)
    run.rows_path.write_bytes(data)
    run.altered_archives()
    write_summary(run)
    console_table(run)
    Baseline.of(run)
    check(run)
    run.recover()


def decode_manifest(data: bytes, context: Context) -> None:
    """What else is read than rows: by `bench gate`, `check`, `merge` and the titles of a report."""
    run = _copy(context)
    run.manifest_path.write_bytes(data)
    Baseline.of(run)
    check(run)
    merge([run, _example()], RunFolder(context.scratch / "merged"))
    described = RunData(run.path, run.read_manifest(), *([None] * 4))  # type: ignore[arg-type]
    assert all(described.title(codec) for codec in ("draco", "necgs"))


def decode_baseline(data: bytes, context: Context) -> None:
    """Reading and comparing with what it was."""
    path = context.scratch / "baseline.json"
    path.write_bytes(data)
    markdown(compare(Baseline.read(path), _own_baseline(), Tolerance()))


@functools.cache
def _own_baseline() -> Baseline:
    return Baseline.of(_example())


def decode_profile(data: bytes, context: Context) -> None:
    """Reading, and the rates of every codec under it."""
    path = context.scratch / "p.toml"
    path.write_bytes(data)
    found = profile.read(str(path))
    check_codecs_named(found)
    refused = []
    for name in registry.BUILT_IN:
        try:
            json.dumps(ladder(CodecSpec.parse(name), registry.get(name), found))
        except UserError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def decode_record(data: bytes, context: Context) -> None:
    """What lies beside an archive: it counts, or the archive is made anew."""
    from bench.codec import Archive, Part

    archive = context.scratch / "abc"
    Archive((Part(b"xyz"),)).write(archive)
    archive.with_name("abc.json").write_bytes(data)
    found = sealed_archive.finished(archive)
    if found is None:
        raise UserError("not finished")
    assert found.result["bytes"] == 3
    assert found.wall_s >= 0


def rows() -> list[bytes]:
    """Valid ones."""
    return [_example().rows_path.read_bytes()]


def manifests() -> list[bytes]:
    """Valid ones."""
    return [_example().manifest_path.read_bytes()]


def baselines() -> list[bytes]:
    """Valid ones."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-baseline-")) / "baseline.json"
    _own_baseline().write(path)
    return [path.read_bytes()]


def profiles() -> list[bytes]:
    """Valid ones."""
    return [(profile.FOLDER / f"{name}.toml").read_bytes() for name in profile.shipped()]


def records() -> list[bytes]:
    """Valid ones."""
    import dataclasses

    from bench.codec import Archive, Part
    from bench.codec.archive import digest
    from bench.execution.supervisor import Outcome

    archive = Path(tempfile.mkdtemp(prefix="fuzz-archive-")) / "abc"
    Archive((Part(b"xyz"),)).write(archive)
    result = {
        "status": "ok",
        "message": "",
        "wall_s": 1.0,
        "bytes": 3,
        "bytes_shape": [3],
        "bytes_shared": 0,
        "ledger": {"payload": 3},
        "notes": {"x": "y"},
        "modes": {},
    }
    result |= {"phases": {"a": 1.0}, "cpu_s": 1.0, "recalled_s": 0.0, "archive_sha256": digest(archive)}
    return [json.dumps(dataclasses.asdict(Outcome("ok", "", 1.0, 100.0, {**result, "failures": {}}))).encode()]
