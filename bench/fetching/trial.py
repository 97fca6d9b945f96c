"""Whether what was fetched works: a real encode and decode of a small cloud, or shapes that can be read."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.codec.user_folders import PROGRAMS_VARIABLE
from bench.fetching.errors import FetchFailed
from bench.fetching.sources import Source

SECONDS = 600.0
SHAPES = 5


@dataclass(frozen=True)
class Trial:
    """How a codec is tried: the cheapest settings that use all of what was fetched, and variables that hide it."""

    settings: dict[str, Any]
    variables: tuple[str, ...] = field(default=())


TRIALS = {
    "gpcc": Trial({"bits": 6}, ("TMC3",)),
    "vpcc": Trial({"bits": 7, "rate": 1}, ("PCC_APP_ENCODER", "PCC_APP_DECODER", "PCC_CFG_DIR")),
    "pcgcv2": Trial({"bits": 6, "rate": 2, "coordinates": "octree"}, ("PCGCV2_CKPTS",)),
}


def tried(source: Source, root: Path) -> str:
    """Use what lies below ``root`` as if it were installed. Returns a line on what came of it.

    Raises:
        FetchFailed: it does not work, with the reason.
    """
    return _shapes(source, root) if source.kind == "data" else _round_trip(source, root)


def _round_trip(source: Source, root: Path) -> str:
    """A sphere there and back."""
    import numpy as np
    import trimesh

    from bench import registry
    from bench.codec import CodecError, Context

    trial = TRIALS[source.name]
    sphere = trimesh.creation.icosphere(subdivisions=3, radius=0.9)
    with _instead(root, trial.variables), tempfile.TemporaryDirectory(prefix="bench-trial-") as scratch:
        codec = registry.get(source.name)
        state = codec.availability()
        context = Context(scratch=Path(scratch), deadline=time.monotonic() + SECONDS)
        try:
            if not state.ok:
                raise FetchFailed(str(state))
            archive = codec.encode([sphere], codec.rate_type.of(trial.settings), context)
            (mesh,) = codec.decode(archive, context)
        except CodecError as error:
            raise _broken(source, str(error)) from None
    for failure in context.failures.values():
        raise _broken(source, failure.message)
    radius = np.linalg.norm(mesh.vertices, axis=1)
    if not len(mesh.faces) or abs(float(np.median(radius)) - 0.9) > 0.1:
        raise _broken(source, "a sphere came back as something else")
    return f"a sphere took {archive.nbytes:,} bytes and came back"


def _broken(source: Source, why: str) -> FetchFailed:
    return FetchFailed(f"{source.name} is there and does not work: {why}", "nothing was installed")


@contextmanager
def _instead(root: Path, hidden: tuple[str, ...]) -> Iterator[None]:
    """The environment with ``root`` as the folder of programs, and without variables that name others."""
    before = {name: os.environ.get(name) for name in (PROGRAMS_VARIABLE, *hidden)}
    for name in hidden:
        os.environ.pop(name, None)
    os.environ[PROGRAMS_VARIABLE] = str(root)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _shapes(source: Source, root: Path) -> str:
    """A few shapes of the set, evenly spaced, are read and looked at."""
    import mesh_datasets
    from mesh_datasets.inspection import inspect_shapes

    everything = mesh_datasets.load(source.folder, data_root=root)
    reports = list(inspect_shapes(everything.take(SHAPES)))
    good = [report for report in reports if not report.error]
    if not good:
        raise FetchFailed(f"no shape of {source.name} can be read: {reports[0].error}", "nothing was installed")
    faces = f"{min(report.faces for report in good):,} to {max(report.faces for report in good):,} faces"
    return f"{len(good)} of {len(reports)} shapes that were looked at can be read ({faces})"
