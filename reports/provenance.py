"""What was run, on what, what was left out and what failed, in Markdown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.run_data import RunData


def what_was_run(data: RunData) -> str:
    """The head of a report: data, profile, protocol, machine, and what was left out."""
    manifest = data.manifest
    machine = manifest.get("machine") or {}
    profile = manifest.get("profile") or {}
    shapes = manifest.get("shapes") or []
    size = sum(shape.get("source_bytes") or 0 for shape in shapes)
    title = manifest.get("dataset") or ", ".join(data.datasets) or data.path.name
    facts = {
        "Shapes": f"{len(shapes)} ({size / 1e6:.1f} MB of source files)" if shapes else None,
        "Profile": profile.get("name") if isinstance(profile, dict) else profile,
        "Metric protocol": protocol_name(data),
        "Machine": ", ".join(_machine(machine)),
        "Made": manifest.get("created"),
        "Command": " ".join(manifest.get("argv") or []) or None,
    }
    lines = [f"# Benchmark of {title}", "", *(f"- {name}: {value}" for name, value in facts.items() if value)]
    return "\n".join([*lines, "", *_left_out(manifest)])


def failures(data: RunData) -> str:
    """Every failure: which codec and rate, how many shapes, with which status and reason."""
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    names: dict[tuple[str, str, str, str, str], str] = {}
    for row in data.rows:
        if row["kind"] == "shape" and row["status"] != "ok":
            reason = (str(row.get("message") or "").strip().splitlines() or ["no reason given"])[0]
            key = (row["dataset"], data.title(row["codec"]), row["rate"], row["status"], reason)
            counts[key] += 1
            names.setdefault(key, str(row.get("shape")))
    if not counts:
        return "## Failures\n\nEvery shape was coded, decoded and measured at every rate."
    lines = ["## Failures", "", "| Data set | Codec | Rate | Status | Shapes | Reason |", "|:--|:--|:--|:--|--:|:--|"]
    for key, count in counts.items():
        dataset, codec, rate, status, reason = key
        which = f"{count}" if count > 1 else f"1 ({names[key]})"
        lines.append(f"| {dataset} | {codec} | {rate} | {status} | {which} | {cell(reason)} |")
    return "\n".join(lines)


def provenance(data: RunData) -> str:
    """Versions of codecs, packages and code: what is needed to do it again."""
    lines = ["## Provenance", "", "| Codec | Name | Version | Made of |", "|:--|:--|:--|:--|"]
    for codec, info in (data.manifest.get("codecs") or {}).items():
        parts = ", ".join(f"{key} {value}" for key, value in (info.get("provenance") or {}).items())
        lines.append(f"| {data.title(codec)} | {codec} | {info.get('version', '-')} | {cell(parts) or '-'} |")
    machine = data.manifest.get("machine") or {}
    packages = ", ".join(f"{name} {version}" for name, version in (machine.get("packages") or {}).items())
    git = data.manifest.get("git") or {}
    state = f"{git.get('commit')}{' with local changes' if git.get('dirty') else ''}" if git.get("commit") else None
    facts = {"Code": state, "Python": machine.get("python"), "System": machine.get("os"), "Packages": packages}
    lines += ["", *(f"- {name}: {value}" for name, value in facts.items() if value)]
    return "\n".join(lines)


def protocol_name(data: RunData) -> str:
    """The metric protocol's name as rows carry it."""
    protocol = data.manifest.get("protocol") or {}
    found = protocol.get("identifier") or protocol.get("name") if isinstance(protocol, dict) else protocol
    return str(found or next((row["protocol"] for row in data.rows if row.get("protocol")), "unknown"))


def cell(text: str) -> str:
    """Text that cannot break a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _machine(machine: dict[str, Any]) -> list[str]:
    memory = machine.get("memory_gb")
    gpu = machine.get("gpu")
    gpus = [gpu] if isinstance(gpu, str) else list(gpu or [])
    parts = [machine.get("cpu"), f"{machine['cores']} cores" if machine.get("cores") else None]
    return [str(part) for part in [*parts, f"{memory} GB" if memory else None, *gpus] if part]


def _left_out(manifest: dict[str, Any]) -> list[str]:
    lines = []
    for entry in manifest.get("skipped") or []:
        remedy = f" To have it: {entry['remedy']}." if entry.get("remedy") else ""
        lines.append(
            f"- Left out: {entry['name']}: {str(entry.get('reason', '')).rstrip('.')}.{remedy.replace('..', '.')}"
        )
    for entry in manifest.get("skipped_shapes") or []:
        name, reason = (
            (entry.get("name"), entry.get("reason", "invalid")) if isinstance(entry, dict) else (entry, "invalid")
        )
        lines.append(f"- Shape left out: {name}: {reason}")
    return lines
