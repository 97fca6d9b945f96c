"""How many bytes a run's codecs need for the quality of the published NeCGS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.results.spec import codec_name
from reports.document.table import Column, Table
from reports.paper.published import OF_DATASET, SHAPES, published
from reports.sections.between_rates import rate_at_error

if TYPE_CHECKING:
    from reports.run_data import RunData

CODEC = "necgs-paper"


def necgs_quality_table(data: RunData, dataset: str) -> Table | None:
    """Each codec's bytes a shape at the CD, and at the F1-0.005, of each published point of NeCGS on the same set.

    None where the paper has no such set, or no codec of the run reaches any of the points.
    """
    name = OF_DATASET.get(dataset.partition(":")[0])
    frame = published()
    aims = frame[(frame["dataset"] == name) & (frame["codec"] == CODEC)].sort_values("bytes_per_shape")
    of_set = data.points[data.points["dataset"] == dataset]
    lines: list[dict[Any, Any]] = []
    for codec in data.codecs:
        if codec_name(codec) != CODEC:
            own = [_line(of_set[of_set["codec"] == codec], aim, data.title(codec)) for aim in aims.to_dict("records")]
            reached = any(line["at_cd"] > 0 or line["at_f1"] > 0 for line in own)
            lines += own if reached else []
    if not lines:
        return None
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
    return Table(pd.DataFrame(lines), columns, caption, group="title")


def _line(points: pd.DataFrame, aim: dict[Any, Any], title: str) -> dict[Any, Any]:
    """One codec's bytes for one published point; NaN where its rates do not reach."""
    lacking = points.assign(f1_lacking=1.0 - points["f1_005"])
    at_cd = rate_at_error(points, aim["cd"], error="cd")
    at_f1 = rate_at_error(lacking, 1.0 - aim["f1_005"], error="f1_lacking")
    cd_share, f1_share = (100 * size / aim["bytes_per_shape"] for size in (at_cd, at_f1))
    return {**aim, "title": title, "at_cd": at_cd, "at_f1": at_f1, "cd_share": cd_share, "f1_share": f1_share}
