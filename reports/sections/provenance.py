"""What was run, on what, what was left out and what failed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from reports.document.document import Block, Bullets, Heading, TableBlock, Text
from reports.document.table import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData


def what_was_run(data: RunData) -> list[Block]:
    """The head of a report: data, profile, protocol, machine, and what was left out."""
    manifest = data.manifest
    machine = manifest.get("machine") or {}
    profile = manifest.get("profile") or {}
    shapes = manifest.get("shapes") or []
    size = sum(shape.get("source_bytes") or 0 for shape in shapes)
    facts = {
        "Shapes": f"{len(shapes)} ({size / 1e6:.1f} MB of source files)" if shapes else None,
        "Profile": profile.get("name") if isinstance(profile, dict) else profile,
        "Metric protocol": protocol_name(data),
        "Machine": ", ".join(_machine(machine)),
        "Made": manifest.get("created"),
        "Command": " ".join(manifest.get("argv") or []) or None,
    }
    title = manifest.get("dataset") or ", ".join(data.datasets) or data.path.name
    blocks: list[Block] = [Heading(f"Benchmark of {title}", 1), _facts(facts)]
    left_out = _left_out(manifest)
    return [*blocks, Bullets(tuple(left_out))] if left_out else blocks


def failures(data: RunData) -> list[Block]:
    """Every failure: which codec and rate, how many shapes, with which status and reason."""
    counts: Counter[tuple[str, ...]] = Counter()
    names: dict[tuple[str, ...], str] = {}
    for row in data.rows:
        if row["kind"] == "shape" and row["status"] != "ok":
            reason = (str(row.get("message") or "").strip().splitlines() or ["no reason given"])[0]
            key = (row["dataset"], data.title(row["codec"]), row["rate"], row["status"], reason)
            counts[key] += 1
            names.setdefault(key, str(row.get("shape")))
    if not counts:
        return [Heading("Failures"), Text("Every shape was coded, decoded and measured at every rate.")]
    titles = ("Data set", "Codec", "Rate", "Status", "Reason")
    frame = pd.DataFrame([dict(zip(titles, key, strict=True)) for key in counts])
    frame["Shapes"] = [str(n) if n > 1 else f"1 ({names[key]})" for key, n in counts.items()]
    columns = tuple(Column(name, name) for name in (*titles[:4], "Shapes", "Reason"))
    return [Heading("Failures"), TableBlock(Table(frame, columns))]


def provenance(data: RunData) -> list[Block]:
    """Versions of codecs, packages and code: what is needed to do it again."""
    lines = [
        {
            "Codec": data.title(codec),
            "Name": codec,
            "Version": str(info.get("version", "-")),
            "Made of": ", ".join(f"{key} {value}" for key, value in (info.get("provenance") or {}).items()) or "-",
        }
        for codec, info in (data.manifest.get("codecs") or {}).items()
    ]
    machine = data.manifest.get("machine") or {}
    git = data.manifest.get("git") or {}
    facts = {
        "Code": f"{git['commit']}{' with local changes' if git.get('dirty') else ''}" if git.get("commit") else None,
        "Python": machine.get("python"),
        "System": machine.get("os"),
        "Packages": ", ".join(f"{name} {version}" for name, version in (machine.get("packages") or {}).items()),
    }
    blocks: list[Block] = [Heading("Provenance")]
    if lines:
        columns = tuple(Column(name, name) for name in lines[0])
        blocks.append(TableBlock(Table(pd.DataFrame(lines), columns)))
    return [*blocks, _facts(facts)]


def protocol_name(data: RunData) -> str:
    """The metric protocol's name as rows carry it."""
    protocol = data.manifest.get("protocol") or {}
    found = protocol.get("identifier") or protocol.get("name") if isinstance(protocol, dict) else protocol
    return str(found or next((row["protocol"] for row in data.rows if row.get("protocol")), "unknown"))


def _facts(facts: dict[str, Any]) -> Bullets:
    return Bullets(tuple(f"{name}: {value}" for name, value in facts.items() if value))


def _machine(machine: dict[str, Any]) -> list[str]:
    memory = machine.get("memory_gb")
    gpu = machine.get("gpu")
    gpus = [gpu] if isinstance(gpu, str) else list(gpu or [])
    parts = [machine.get("cpu"), f"{machine['cores']} cores" if machine.get("cores") else None]
    return [str(part) for part in [*parts, f"{memory} GB" if memory else None, *gpus] if part]


def _left_out(manifest: dict[str, Any]) -> list[str]:
    lines = []
    for entry in manifest.get("skipped") or []:
        remedy = f" To have it: {str(entry['remedy']).rstrip('.')}." if entry.get("remedy") else ""
        lines.append(f"Left out: {entry['name']}: {str(entry.get('reason', '')).rstrip('.')}.{remedy}")
    for entry in manifest.get("skipped_shapes") or []:
        named = entry if isinstance(entry, dict) else {"name": entry}
        lines.append(f"Shape left out: {named['name']}: {named.get('reason', 'invalid')}")
    return lines
