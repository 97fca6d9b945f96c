"""What was run, on what, what was left out and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bench.results.home_folder import without_home
from bench.results.identity import protocol_of
from bench.results.manifest import Machine, Manifest
from bench.results.rows import shape_rows
from reports.document.document import Block, Bullets, Heading, TableBlock, Text
from reports.document.table import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData

UNMEASURED_TEXT = (
    "{count} shapes could not be measured: a fault of this program, not of a codec. They are left out of all means and "
    "count with no penalty; their rates are incomplete until the run is repeated with --retry-failed."
)


def what_was_run(data: RunData) -> list[Block]:
    """The head of a report: data, profile, protocol, machine, and what was left out."""
    manifest = data.manifest
    shapes = manifest["shapes"]
    size = sum(shape["source_bytes"] for shape in shapes)
    facts = {
        "Shapes": f"{len(shapes)} ({size / 1e6:.1f} MB of source files)" if shapes else "",
        "Profile": manifest["profile"]["name"],
        "Metric protocol": protocol_of(manifest, data.set_rows) or "unknown",
        "Machine": "; ".join(_machine(machine) for machine in manifest["machines"] or [manifest["machine"]]),
        "Made": manifest["created"],
        "Command": without_home(" ".join(manifest["argv"])),
    }
    title = manifest["dataset"] or ", ".join(data.datasets) or data.path.name
    blocks: list[Block] = [Heading(f"Benchmark of {title}", 1), _facts(facts)]
    if data.runs:
        blocks.append(Bullets(tuple(f"Run {name}: {_made(one)}" for name, one in data.runs)))
    left_out = _left_out(manifest)
    return [*blocks, Bullets(tuple(left_out))] if left_out else blocks


def failures(data: RunData) -> list[Block]:
    """Every failure: which codec and rate, how many shapes, with which status and reason."""
    counts: Counter[tuple[str, ...]] = Counter()
    names: dict[tuple[str, ...], str] = {}
    for row in shape_rows(data.rows):
        if row["status"] != "ok":
            reason = (row["message"].strip().splitlines() or ["no reason given"])[0]
            key = (row["dataset"], data.title(row["codec"]), row["rate"], row["status"], reason)
            counts[key] += 1
            names.setdefault(key, row["shape"])
    if not counts:
        return [Heading("Failures"), Text("Every shape was coded, decoded and measured at every rate.")]
    titles = ("Data set", "Codec", "Rate", "Status", "Reason")
    frame = pd.DataFrame([dict(zip(titles, key, strict=True)) for key in counts])
    frame["Shapes"] = [str(n) if n > 1 else f"1 ({names[key]})" for key, n in counts.items()]
    columns = tuple(Column(name, name) for name in (*titles[:4], "Shapes", "Reason"))
    blocks: list[Block] = [Heading("Failures")]
    unmeasured = sum(row["unmeasured"] for row in data.set_rows)
    if unmeasured:
        blocks.append(Text(UNMEASURED_TEXT.format(count=unmeasured)))
    return [*blocks, TableBlock(Table(frame, columns))]


def provenance(data: RunData) -> list[Block]:
    """Versions of codecs, packages and code: what is needed to do it again."""
    lines = [
        {
            "Codec": data.title(codec),
            "Name": codec,
            "Version": entry["version"] or "-",
            "Made of": ", ".join(f"{key} {value}" for key, value in entry["provenance"].items()) or "-",
        }
        for codec, entry in data.manifest["codecs"].items()
    ]
    machine, git = data.manifest["machine"], data.manifest["git"]
    facts = {
        "Code": f"{git['commit']}{' with local changes' if git['dirty'] else ''}" if git["commit"] else "",
        "Python": machine["python"],
        "System": machine["os"],
        "Packages": ", ".join(f"{name} {version}" for name, version in machine["packages"].items()),
    }
    blocks: list[Block] = [Heading("Provenance")]
    if lines:
        columns = tuple(Column(name, name) for name in lines[0])
        blocks.append(TableBlock(Table(pd.DataFrame(lines), columns)))
    return [*blocks, _facts(facts)]


def _facts(facts: Mapping[str, str]) -> Bullets:
    return Bullets(tuple(f"{name}: {value}" for name, value in facts.items() if value))


def _made(manifest: Manifest) -> str:
    """When, where and by which code a run was made."""
    code = f"code {manifest['git']['commit'][:10]}" if manifest["git"]["commit"] else ""
    changed = ", with local changes" if manifest["git"]["dirty"] else ""
    return ", ".join(part for part in (manifest["created"], _machine(manifest["machine"]), code + changed) if part)


def _machine(machine: Machine) -> str:
    cores = f"{machine['cores']} cores" if machine["cores"] else ""
    memory = f"{machine['memory_gb']} GB" if machine["memory_gb"] else ""
    return ", ".join(part for part in (machine["cpu"], cores, memory, *machine["gpu"]) if part)


def _left_out(manifest: Manifest) -> list[str]:
    lines = []
    for entry in manifest["skipped"]:
        remedy = f" To have it: {entry['remedy'].rstrip('.')}." if entry["remedy"] else ""
        lines.append(f"Left out: {entry['name']}: {entry['reason'].rstrip('.')}.{remedy}")
    lines += [f"Shape left out: {shape['name']}: {shape['reason']}" for shape in manifest["skipped_shapes"]]
    return lines
