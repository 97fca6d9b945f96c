"""The data sets: shapes, sizes, categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from reports.document.table import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData


def datasets_table(data: RunData) -> Table | None:
    """The paper's Table 1: shapes and size of each data set, with its categories."""
    shapes = pd.DataFrame(data.manifest["shapes"])
    if not len(shapes):
        return None
    shapes["dataset"] = shapes["dataset"].replace("", data.manifest["dataset"] or "-")
    shapes["category"] = shapes["category"].replace("", "-")
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
