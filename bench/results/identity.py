"""What a run's numbers refer to: its metric protocol, and the content of its shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from bench.codec import UserError
from bench.results.manifest import Manifest
from bench.results.rows import Row


class MixedProtocols(UserError):
    """Rows of one run were measured in several ways: they cannot stand side by side."""


def protocol_of(manifest: Manifest, rows: Iterable[Row]) -> str:
    """Identifier of the metric protocol: what the rows carry, else what the manifest says.

    Raises:
        MixedProtocols: they carry several.
    """
    found: dict[str, str] = {}
    for row in rows:
        if row["protocol"]:
            found.setdefault(row["protocol"], f"{row['codec']} {row['rate']}")
    if len(found) > 1:
        each = "; ".join(f"{protocol}, for instance {where}" for protocol, where in found.items())
        raise MixedProtocols(f"rows of several metric protocols: {each}", "measure all again: bench run --remeasure")
    return next(iter(found), manifest["protocol"]["identifier"])


def data_digest(manifest: Manifest, dataset: str) -> str:
    """Hash of the content of a data set's shapes; empty where the manifest does not describe them."""
    if dataset in manifest["datasets"] and manifest["datasets"][dataset]["digest"]:
        return manifest["datasets"][dataset]["digest"]
    shapes = [shape for shape in manifest["shapes"] if shape["dataset"] in ("", dataset)]
    return sha256_of(shape["sha256"] for shape in shapes) if shapes else ""


def sha256_of(texts: Iterable[str]) -> str:
    """Hash of a list of texts, one a line."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
