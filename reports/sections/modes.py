"""How many shapes a codec coded in which way, where it chooses for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.document.table import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData


def modes_table(data: RunData, dataset: str) -> Table | None:
    """A line per codec and rate, a column per mode with its number of shapes; None where no codec has modes.

    Shapes that could not be coded have no mode. Seeds count together.
    """
    shapes = data.shapes[data.shapes["dataset"] == dataset]
    shapes = shapes[shapes["mode"].fillna("") != ""] if "mode" in shapes else shapes[:0]
    if not len(shapes):
        return None
    counts = shapes.groupby(["codec", "rate", "mode"], sort=False).size().unstack(fill_value=0)
    modes = {f"mode {name}": str(name) for name in sorted(counts.columns)}
    frame = counts.add_prefix("mode ").reset_index()
    order = data.points[data.points["dataset"] == dataset][["codec", "rate", "bytes_per_shape"]]
    frame = frame.merge(order, on=["codec", "rate"])
    frame["place"] = frame["codec"].map(data.codecs.index)
    frame = frame.sort_values(["place", "bytes_per_shape"], kind="stable", ignore_index=True)
    frame["title"] = frame["codec"].map(data.title)
    columns = (Column("title", "Codec"), Column("rate", "Rate"), *(Column(*item) for item in modes.items()))
    return Table(frame, columns, f"Shapes by mode on {dataset}")
