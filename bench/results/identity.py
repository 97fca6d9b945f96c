"""What a run's numbers refer to: its metric protocol, and the content of its shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.results.store import Row


def protocol_of(manifest: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Identifier of the metric protocol: what the rows carry, else what the manifest says."""
    found = next((row["protocol"] for row in rows if row.get("protocol")), None)
    return str(found or (manifest.get("protocol") or {}).get("identifier", ""))


def data_digest(manifest: Mapping[str, Any], dataset: str) -> str:
    """Hash of the content of a data set's shapes."""
    described = (manifest.get("datasets") or {}).get(dataset) or {}
    if described.get("digest"):
        return str(described["digest"])
    shapes = [s for s in manifest.get("shapes") or [] if s.get("dataset", dataset) == dataset]
    return sha256_of(str(shape.get("sha256")) for shape in shapes) if shapes else ""


def sha256_of(texts: Iterable[str]) -> str:
    """Hash of a list of texts, one a line."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
