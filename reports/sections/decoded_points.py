"""Decoded points of point-cloud codecs, before a surface is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.document.table import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData


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
