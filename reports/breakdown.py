"""Smaller tables: the data sets, errors by category of shape, and the decoded points before any surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from reports.tables import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData


def datasets_table(data: RunData) -> Table | None:
    """The paper's Table 1: shapes and size of each data set, with its categories."""
    shapes = pd.DataFrame(data.manifest.get("shapes") or [])
    if not len(shapes):
        return None
    if "dataset" not in shapes:
        shapes["dataset"] = data.manifest.get("dataset") or "-"
    if "category" not in shapes:
        shapes["category"] = "-"
    groups = shapes.groupby("dataset", sort=False)
    frame = pd.DataFrame(
        {
            "shapes": groups.size(),
            "megabytes": groups["source_bytes"].sum() / 1e6,
            "kilobytes": groups["source_bytes"].median() / 1e3,
            "categories": groups["category"].agg(
                lambda names: ", ".join(f"{n} {c}" for c, n in names.value_counts().items())
            ),
        }
    )
    columns = (
        Column("dataset", "Data set"),
        Column("shapes", "Shapes"),
        Column("megabytes", "Source files, MB", 2),
        Column("kilobytes", "Median, kB", 1),
        Column("categories", "Categories"),
    )
    return Table(frame.reset_index(), columns, "Data sets: shapes, and size of their source files")


def category_table(data: RunData, dataset: str) -> Table | None:
    """Mean surface error of each point by category, failures included; None where there is one category."""
    shapes = data.shapes[data.shapes["dataset"] == dataset]
    categories = list(dict.fromkeys(shapes["category"])) if "category" in shapes else []
    if not 1 < len(categories) <= 12:
        return None
    wide = shapes.pivot_table(index=["codec", "rate"], columns="category", values="surface_cd").reset_index()
    order = data.points[data.points["dataset"] == dataset][["codec", "rate", "bytes_per_shape"]]
    frame = wide.merge(order, on=["codec", "rate"])
    frame["place"] = frame["codec"].map(data.codecs.index)
    frame = frame.sort_values(["place", "bytes_per_shape"], kind="stable", ignore_index=True)
    frame["title"] = frame["codec"].map(data.title)
    columns = (
        Column("title", "Codec"),
        Column("rate", "Rate"),
        Column("bytes_per_shape", "Bytes/shape"),
        *(Column(category, category, 3) for category in categories),
    )
    return Table(frame, columns, f"Surface error by category on {dataset}", distances=True)


def decoded_points_table(data: RunData, dataset: str) -> Table | None:
    """D1 and D2 of codecs of point clouds, beside the error of the surface that was made of the points."""
    shapes = data.shapes[(data.shapes["dataset"] == dataset) & (data.shapes["status"] == "ok")]
    if "d1_mse" not in shapes or not shapes["d1_mse"].notna().any():
        return None
    worst = shapes.groupby(["codec", "rate"])[["d1_mse", "d2_mse"]].max().dropna().reset_index()
    frame = data.points[data.points["dataset"] == dataset].merge(worst, on=["codec", "rate"])
    for name in ("d1", "d2"):
        # The PSNR of points that are all met exactly is infinite: rows leave it out.
        texts = [f"{value:.2f}" if value == value else "-" for value in frame[f"{name}_psnr"]]
        frame[name] = ["exact" if mse == 0 else text for mse, text in zip(frame[f"{name}_mse"], texts, strict=True)]
    frame["title"] = frame["codec"].map(data.title)
    columns = (
        Column("title", "Codec"),
        Column("rate", "Rate"),
        Column("bytes_per_shape", "Bytes/shape"),
        Column("d1", "D1 PSNR, dB"),
        Column("d2", "D2 PSNR, dB"),
        Column("surface_cd", "Surface error after reconstruction", 3),
    )
    caption = f"Decoded points on {dataset}, before a surface is made of them (symmetric: the worse direction)"
    return Table(frame, columns, caption, distances=True)
