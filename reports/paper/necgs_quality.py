"""How many bytes a run's codecs need for the quality of the published NeCGS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bench.results.spec import codec_name
from reports.document.table import Column, Table
from reports.paper.published import OF_DATASET, published
from reports.sections.between_rates import rate_at_error

if TYPE_CHECKING:
    from reports.run_data import RunData

CODEC = "necgs-paper"
SHAPES = {"AMA": 500, "DT4D": 500, "Thingi10K": 1000, "Mixed": 600}
"""Of the published sets."""


def necgs_quality_table(data: RunData, dataset: str) -> Table | None:
    """Each codec's bytes a shape at the CD, and at the F1-0.005, of each published point of NeCGS on the same set.

    None where the paper has no such set, or no codec of the run reaches any of the points.
    """
    name = OF_DATASET.get(dataset.partition(":")[0])
    frame = published()
    aims = frame[(frame["dataset"] == name) & (frame["codec"] == CODEC)].sort_values("bytes_per_shape")
    of_set = data.points[data.points["dataset"] == dataset]
    lines = []
    for codec in data.codecs:
        points = of_set[of_set["codec"] == codec]
        if codec_name(codec) == CODEC or not len(points):
            continue
        points = points.assign(f1_short=1.0 - points["f1_005"])
        for aim in aims.to_dict("records"):
            at_cd = rate_at_error(points, aim["cd"], error="cd")
            at_f1 = rate_at_error(points, 1.0 - aim["f1_005"], error="f1_short")
            shares = {
                "cd_share": 100 * at_cd / aim["bytes_per_shape"],
                "f1_share": 100 * at_f1 / aim["bytes_per_shape"],
            }
            lines.append(aim | shares | {"title": data.title(codec), "at_cd": at_cd, "at_f1": at_f1})
    found = pd.DataFrame(lines)
    if found.empty or found[["at_cd", "at_f1"]].isna().all(axis=None):
        return None
    reached = found.groupby("title")[["at_cd", "at_f1"]].transform("count").sum(axis=1) > 0
    columns = (
        Column("title", "Codec"),
        Column("bytes_per_shape", "NeCGS's bytes/shape", 0),
        Column("cd", "CD", 2),
        Column("at_cd", "Bytes/shape at this CD", 0),
        Column("cd_share", "% of NeCGS's", 1),
        Column("f1_005", "F1-0.005", 3),
        Column("at_f1", "Bytes/shape at this F1", 0),
        Column("f1_share", "% of them", 1),
    )
    caption = (
        f"Bytes for the quality of the published NeCGS: its set is {SHAPES[str(name)]} shapes of {name}, this run's "
        f"{int(of_set['shapes'].max())} of {dataset}, each bearing an equal share of what its set has in common; "
        "a dash: outside this run's rates"
    )
    return Table(found[reached].reset_index(drop=True), columns, caption, group="title")
