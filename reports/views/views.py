"""Which shapes a report shows in three dimensions, and their meshes: the worst, the median and the best one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench.results.meshes import MeshesUnavailable, MeshSource
from bench.results.rows import SetRow, ShapeRow, set_rows, shape_rows
from reports.sections.per_shape import similar_size
from reports.views.raycasting import Surface

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from trimesh import Trimesh

    from reports.run_data import RunData

MIN_FACES, MAX_FACES = 6_000, 40_000
"""Meshes are subdivided or simplified into this range for display, so that colours resolve and files stay small."""


Z_UP = ("sample", "thingi10k", "procedural")
"""Data sets whose shapes stand along z; the others stand along y, as views do."""


@dataclass(frozen=True)
class Panel:
    """One mesh of a view.

    Args:
        title: the codec, or ``Original``.
        subtitle: rate and size.
        vertices: float32 (v, 3), y up; empty where the shape failed.
        faces: int32 (f, 3).
        error: float32 (v,), distance of each vertex to the original in units of 1e-3; None for the original.
        failure: why there is no mesh.
    """

    title: str
    subtitle: str
    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    error: NDArray[np.float32] | None = None
    failure: str = ""


@dataclass(frozen=True)
class View:
    """One shape: the original first, then every codec.

    Args:
        role: ``worst``, ``median`` or ``best``.
        scale: error at the top of the colour scale, in units of 1e-3.
    """

    dataset: str
    shape: str
    role: str
    panels: tuple[Panel, ...]
    scale: float


def make_views(data: RunData, dataset: str, meshes: MeshSource) -> list[View]:
    """The views of a data set, each codec at the rate that makes sizes most alike.

    Raises:
        MeshesUnavailable: no codec's meshes, or not the references, can be had.
    """
    roles = choose_shapes(data, dataset)
    jobs = _jobs(data, dataset)
    decoded: dict[str, dict[int, Trimesh]] = {}
    missing: dict[str, str] = {}
    for codec, (set_row, rows) in jobs.items():
        try:
            wanted = {index: row for index, row in rows.items() if row["shape"] in roles.values()}
            decoded[codec] = meshes.decoded(set_row, wanted)
        except MeshesUnavailable as error:
            missing[codec] = str(error)
    if not decoded:
        raise MeshesUnavailable("; ".join(missing.values()) or "no codec has a rate to show")
    views = []
    for role, shape in roles.items():
        original = meshes.reference(dataset, shape)
        panels = [_original(original)]
        for codec, (set_row, rows) in jobs.items():
            row = next(row for row in rows.values() if row["shape"] == shape)
            mesh = decoded.get(codec, {}).get(row["index"])
            reason = missing.get(codec) or f"{row['status']}: {row['message'] or 'no reason given'}"
            panels.append(_panel(data, set_row, row, mesh, original, reason))
        errors = [panel.error for panel in panels if panel.error is not None]
        scale = float(np.percentile(np.concatenate(errors), 98)) if errors else 1.0
        views.append(View(dataset, shape, role, tuple(_upright(p, dataset) for p in panels), max(scale, 1e-6)))
    return views


def choose_shapes(data: RunData, dataset: str) -> dict[str, str]:
    """Role -> shape: by the mean over codecs of the surface error relative to its median; failures are worst."""
    chosen = similar_size(data, dataset)
    rates = dict(zip(chosen["codec"], chosen["rate"], strict=True))
    shapes = data.shapes[data.shapes["dataset"] == dataset]
    shapes = shapes[(shapes["rate"] == shapes["codec"].map(rates)) & (shapes["surface_cd"] > 0)]
    if not len(shapes):
        return {}
    ratio = shapes["surface_cd"] / shapes.groupby("codec")["surface_cd"].transform("median")
    relative = shapes.assign(relative=ratio.map(math.log)).groupby("shape")["relative"]
    order = relative.mean().sort_values(ascending=False, kind="stable").index.tolist()
    picked = {"worst": order[0], "median": order[len(order) // 2], "best": order[-1]}
    return dict(list(picked.items())[: len(order)])


def _jobs(data: RunData, dataset: str) -> dict[str, tuple[SetRow, dict[int, ShapeRow]]]:
    """Codec -> set row and shape rows (by index) of the job that is shown, in the order of the legends."""
    chosen = similar_size(data, dataset)
    rates = dict(zip(chosen["codec"], chosen["rate"], strict=True))
    found: dict[str, tuple[SetRow, dict[int, ShapeRow]]] = {}
    for codec in [codec for codec in data.codecs if codec in rates]:
        mine = [r for r in data.rows if (r["dataset"], r["codec"], r["rate"]) == (dataset, codec, rates[codec])]
        seed = min(row["seed"] for row in mine)
        mine = [row for row in mine if row["seed"] == seed]
        found[codec] = set_rows(mine)[0], {row["index"]: row for row in shape_rows(mine)}
    return found


def _original(mesh: Trimesh) -> Panel:
    vertices, faces = _arrays(_displayed(mesh))
    return Panel("Original", f"{len(mesh.faces):,} faces", vertices, faces)


def _panel(
    data: RunData, set_row: SetRow, row: ShapeRow, mesh: Trimesh | None, original: Trimesh, reason: str
) -> Panel:
    title = data.title(row["codec"])
    if mesh is None:
        empty = np.zeros((0, 3))
        return Panel(title, row["rate"], empty.astype(np.float32), empty.astype(np.int32), failure=reason)
    # A shape of a set costs its own bytes and its part of what the set shares.
    size = round(row["bytes"] + set_row["bytes_shared"] / set_row["shapes"])
    share = row["source_bytes"] / size if size else float("nan")
    vertices, faces = _arrays(_displayed(mesh))
    subtitle = f"{row['rate']}, {size:,} B ({share:.0f}:1), error {row['surface_cd']:.2f}"
    error = (1e3 * Surface(*_arrays(original)).distance(vertices)).astype(np.float32)
    return Panel(title, subtitle, vertices, faces, error)


def _upright(panel: Panel, dataset: str) -> Panel:
    if dataset.partition(":")[0] not in Z_UP:
        return panel
    x, y, z = panel.vertices.T
    return replace(panel, vertices=np.ascontiguousarray(np.stack([x, z, -y], axis=1)))


def _displayed(mesh: Trimesh) -> Trimesh:
    if len(mesh.faces) > MAX_FACES:
        import fast_simplification
        from trimesh import Trimesh as Mesh

        vertices, faces = fast_simplification.simplify(
            np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32), target_count=MAX_FACES
        )
        return Mesh(vertices, faces, process=False)
    while 0 < len(mesh.faces) < MIN_FACES:
        mesh = mesh.subdivide()
    return mesh


def _arrays(mesh: Trimesh) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    return np.ascontiguousarray(mesh.vertices, np.float32), np.ascontiguousarray(mesh.faces, np.int32)
