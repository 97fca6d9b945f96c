"""Which shapes a report shows in three dimensions, and their meshes: from the worst to the best one, at every rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
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

FACES_OF_A_PAGE = 1_000_000
"""Faces of all meshes of a page: some 8 MB. Where there are many rates, each mesh gets fewer."""

ROLES = {3: ("worst", "median", "best"), 5: ("worst", "harder", "median", "easier", "best")}
"""Shapes that are shown, evenly spaced from the worst to the best."""

MOST_MESHES_OF_FIVE = 120
"""Five shapes are shown where that makes at most so many meshes, else three."""

Z_UP = ("sample", "thingi10k", "procedural", "poses")
"""Data sets whose shapes stand along z; the others stand along y, as views do."""


@dataclass(frozen=True)
class Panel:
    """One mesh of a view.

    Args:
        title: the codec, or ``Original``.
        subtitle: rate, size and error.
        vertices: float32 (v, 3), y up; empty where the shape failed.
        faces: int32 (f, 3).
        error: float32 (v,), distance of each vertex to the original in units of 1e-3; None for the original.
        failure: why there is no mesh.
        codec, rate: of the row; empty for the original.
    """

    title: str
    subtitle: str
    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    error: NDArray[np.float32] | None = None
    failure: str = ""
    codec: str = ""
    rate: str = ""


@dataclass(frozen=True)
class View:
    """One shape: the original first, then every codec at its rates.

    Args:
        role: one of `ROLES`.
        scale: error at the top of the colour scale, in units of 1e-3.
    """

    dataset: str
    shape: str
    role: str
    panels: tuple[Panel, ...]
    scale: float

    def only(self, rates: Mapping[str, str]) -> View:
        """The original and each codec at one rate: what fits a printed figure."""
        kept = tuple(p for p in self.panels if not p.codec or rates.get(p.codec) == p.rate)
        return replace(self, panels=kept, scale=_scale(kept))


Jobs = dict[tuple[str, str], tuple[SetRow, dict[int, ShapeRow]]]
"""(codec, rate) -> set row and shape rows by index."""


def similar_rates(data: RunData, dataset: str) -> dict[str, str]:
    """Codec -> the rate that makes sizes most alike, however far it is from the others': each is to be seen."""
    chosen = similar_size(data, dataset, within=math.inf)
    return dict(zip(chosen["codec"], chosen["rate"], strict=True))


def make_views(data: RunData, dataset: str, meshes: MeshSource, every_rate: bool = True) -> list[View]:
    """The views of a data set, each codec at every rate, or at the one that makes sizes most alike.

    Raises:
        MeshesUnavailable: no codec's meshes, or not the references, can be had.
    """
    jobs = _jobs(data, dataset, every_rate)
    roles = choose_shapes(data, dataset, 5 if 5 * (len(jobs) + 1) <= MOST_MESHES_OF_FIVE else 3)
    faces = int(min(MAX_FACES, max(MIN_FACES, FACES_OF_A_PAGE / (len(roles) * (len(jobs) + 1) or 1))))
    decoded, missing = _decoded(jobs, set(roles.values()), meshes)
    if not decoded:
        raise MeshesUnavailable("; ".join(dict.fromkeys(missing.values())) or "no codec has a rate to show")
    views = []
    for role, shape in roles.items():
        original = meshes.reference(dataset, shape)
        surface = Surface(*_arrays(original))
        panels = [_original(original, faces)]
        for job, (set_row, rows) in jobs.items():
            row = next((row for row in rows.values() if row["shape"] == shape), None)
            if row is None:
                continue
            mesh = decoded.get(job, {}).get(row["index"])
            reason = missing.get(job) or f"{row['status']}: {row['message'] or 'no reason given'}"
            panels.append(_panel(data, set_row, row, mesh and _displayed(mesh, faces), surface, reason))
        upright = tuple(_upright(panel, dataset) for panel in panels)
        views.append(View(dataset, shape, role, upright, _scale(upright)))
    return views


def _decoded(
    jobs: Jobs, shapes: set[str], meshes: MeshSource
) -> tuple[dict[tuple[str, str], dict[int, Trimesh]], dict[tuple[str, str], str]]:
    """The meshes of each job by index, and of the jobs without any the reason."""

    def of_job(key: tuple[str, str]) -> dict[int, Trimesh] | str:
        set_row, rows = jobs[key]
        try:
            return meshes.decoded(set_row, {index: row for index, row in rows.items() if row["shape"] in shapes})
        except MeshesUnavailable as error:
            return str(error)

    # Each archive is decoded by a process of its own: threads only wait for them.
    with ThreadPoolExecutor(meshes.at_once) as pool:
        try:
            found = dict(zip(jobs, pool.map(of_job, jobs), strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    decoded = {key: result for key, result in found.items() if not isinstance(result, str)}
    return decoded, {key: result for key, result in found.items() if isinstance(result, str)}


def _scale(panels: tuple[Panel, ...]) -> float:
    errors = [panel.error for panel in panels if panel.error is not None and len(panel.error)]
    return max(float(np.percentile(np.concatenate(errors), 98)) if errors else 1.0, 1e-6)


def choose_shapes(data: RunData, dataset: str, count: int = 3) -> dict[str, str]:
    """Role -> shape: by the mean over codecs of the surface error relative to its median; failures are worst."""
    chosen = similar_rates(data, dataset)
    shapes = data.shapes[data.shapes["dataset"] == dataset]
    shapes = shapes[(shapes["rate"] == shapes["codec"].map(chosen)) & (shapes["surface_cd"] > 0)]
    if not len(shapes):
        return {}
    ratio = shapes["surface_cd"] / shapes.groupby("codec")["surface_cd"].transform("median")
    relative = shapes.assign(relative=ratio.map(math.log)).groupby("shape")["relative"]
    order = relative.mean().sort_values(ascending=False, kind="stable").index.tolist()
    roles = ROLES[5 if count == 5 and len(order) >= 5 else 3]
    places = [round(k * (len(order) - 1) / (len(roles) - 1) + 0.01) for k in range(len(roles))]
    picked = dict(zip(roles, (order[place] for place in places), strict=True))
    return dict(list(picked.items())[: len(order)])


def _jobs(data: RunData, dataset: str, every_rate: bool) -> Jobs:
    """The jobs that are shown, in the order of the legends, then of the bytes; of several seeds the first."""
    chosen = similar_rates(data, dataset)
    rows = [row for row in data.rows if row["dataset"] == dataset]
    sets: dict[tuple[str, str], SetRow] = {}
    for row in sorted(set_rows(rows), key=lambda row: row["seed"]):
        if chosen.get(row["codec"]) == row["rate"] or (every_rate and row["codec"] in data.codecs):
            sets.setdefault((row["codec"], row["rate"]), row)
    shapes: dict[tuple[str, str, int], dict[int, ShapeRow]] = {}
    for shape in shape_rows(rows):
        shapes.setdefault((shape["codec"], shape["rate"], shape["seed"]), {})[shape["index"]] = shape
    order = sorted(sets, key=lambda job: (data.codecs.index(job[0]), sets[job]["bytes"]))
    return {job: (sets[job], shapes.get((*job, sets[job]["seed"]), {})) for job in order}


def _original(mesh: Trimesh, most: int) -> Panel:
    vertices, faces = _arrays(_displayed(mesh, most))
    return Panel("Original", f"{len(mesh.faces):,} faces", vertices, faces)


def _panel(
    data: RunData, set_row: SetRow, row: ShapeRow, mesh: Trimesh | None, original: Surface, reason: str
) -> Panel:
    title, codec, rate = data.title(row["codec"]), row["codec"], row["rate"]
    if mesh is None:
        empty = np.zeros((0, 3))
        return Panel(
            title, row["rate"], empty.astype(np.float32), empty.astype(np.int32), failure=reason, codec=codec, rate=rate
        )
    # A shape of a set costs its own bytes and its part of what the set shares.
    size = round(row["bytes"] + set_row["bytes_shared"] / set_row["shapes"])
    share = row["source_bytes"] / size if size else float("nan")
    vertices, faces = _arrays(mesh)
    subtitle = f"{row['rate']}, {size:,} B ({share:.0f}:1), error {row['surface_cd']:.2f}"
    error = (1e3 * original.distance(vertices)).astype(np.float32)
    return Panel(title, subtitle, vertices, faces, error, codec=codec, rate=rate)


def _upright(panel: Panel, dataset: str) -> Panel:
    if dataset.partition(":")[0] not in Z_UP:
        return panel
    x, y, z = panel.vertices.T
    return replace(panel, vertices=np.ascontiguousarray(np.stack([x, z, -y], axis=1)))


def _displayed(mesh: Trimesh, most: int = MAX_FACES) -> Trimesh:
    if len(mesh.faces) > most:
        import fast_simplification
        from trimesh import Trimesh as Mesh

        vertices, faces = fast_simplification.simplify(
            np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32), target_count=most
        )
        return Mesh(vertices, faces, process=False)
    while 0 < len(mesh.faces) < MIN_FACES and 4 * len(mesh.faces) <= 1.5 * most:  # it makes four faces of each
        mesh = mesh.subdivide()
    return mesh


def _arrays(mesh: Trimesh) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    return np.ascontiguousarray(mesh.vertices, np.float32), np.ascontiguousarray(mesh.faces, np.int32)
