"""``bench codecs``: what can run here, and what is missing for the rest."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "codecs",
        help="list the codecs: what can run here, and what is missing for the rest",
        description="Lists every codec, and says for those that cannot run here what to do about it.",
    )
    parser.add_argument("name", nargs="?", help="tell everything about one codec")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="machine-readable")
    form.add_argument("--markdown", action="store_true", help="the table of the README")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench import registry

    entries = [describe(name) for name in ([args.name] if args.name else registry.names())]
    if args.json:
        print(json.dumps(entries, indent=2))
    elif args.markdown:
        print(markdown(entries))
    elif args.name:
        _print_one(entries[0])
    else:
        _print_all(entries)
    return 0


NOTHING: Mapping[str, Any] = {"short_ladder": [], "left_out": {}, "settings": {}}
"""What is known of the rates of a codec that breaks when it is imported."""


def describe(name: str) -> dict[str, Any]:
    """Everything about a codec that is known without running it, as plain values."""
    import dataclasses

    from bench import registry

    state = registry.availability(name)
    try:
        codec = registry.get(name)
        about = dataclasses.asdict(codec.info)
    except registry.UnknownCodec:  # a plug-in that breaks, or that does not say what it is
        unknown = dict.fromkeys(("version", "title", "kind", "licence", "reference", "deterministic"), "-")
        about = {"name": name, "summary": "cannot be read", **unknown}
        return {**about, "available": False, "missing": str(state), "ladder": {}, **NOTHING}
    defaults = {
        name: None if field.default is dataclasses.MISSING else field.default
        for name, field in codec.rate_type.fields().items()
    }
    return {
        **about,
        "available": state.ok,
        "missing": str(state),
        "ladder": {label: dict(settings) for label, settings in codec.ladder.items()},
        "short_ladder": list(codec.short_ladder or codec.ladder),
        "left_out": _left_out(codec.info.name),
        "settings": defaults,
    }


def _left_out(name: str) -> dict[str, str]:
    """Shipped profile -> why it does not run the codec."""
    from bench.planning import profile

    read = (profile.read(shipped) for shipped in profile.shipped())
    return {found.name: found.leave_out[name] for found in read if name in found.leave_out}


def markdown(entries: list[dict[str, Any]]) -> str:
    """The codecs as a Markdown table that is the same on every machine."""
    lines = ["| codec | kind | what it is | rates | licence |", "|---|---|---|---|---|"]
    for entry in entries:
        rates = ", ".join(entry["ladder"])
        lines.append(
            f"| `{entry['name']}` | {entry['kind']} | {entry['summary'].rstrip('.')} | {rates} | {entry['licence']} |"
        )
    return "\n".join(lines)


def _print_all(entries: list[dict[str, Any]]) -> None:
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        mark = "yes" if entry["available"] else "no "
        print(f"{mark}  {entry['name']:<{width}}  {entry['kind']:<6}  {entry['summary']}")
        if not entry["available"]:
            print(f"     {'':<{width}}  {entry['missing']}")
    print("\nMore about one: python -m bench codecs NAME")


def _print_one(entry: dict[str, Any]) -> None:
    for key in ("name", "title", "version", "kind", "licence", "reference", "summary", "deterministic"):
        print(f"{key:<14} {entry[key]}")
    state = "yes" if entry["available"] else f"no. {entry['missing']}"
    print(f"{'available':<14} {state}")
    print(f"{'settings':<14} {', '.join(f'{key}={value}' for key, value in entry['settings'].items()) or 'none'}")
    for profile, reason in entry["left_out"].items():
        print(f"{'left out':<14} of profile {profile}: {reason}; run it with --codecs {entry['name']}")
    short = len(entry["short_ladder"]) < len(entry["ladder"])
    print("ladder" + (" (*: also in profiles that must be quick)" if short else ""))
    for label, settings in entry["ladder"].items():
        mark = "*" if short and label in entry["short_ladder"] else " "
        print(f"{mark} {label:<12} {', '.join(f'{key}={value}' for key, value in settings.items())}")
