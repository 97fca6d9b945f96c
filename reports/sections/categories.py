"""Surface error by category of shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.document.table import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData


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
