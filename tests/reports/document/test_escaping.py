"""Names from elsewhere stay text in every format."""

import pandas as pd
import pytest

from bench.results.csv_cells import without_formulas
from bench.results.home_folder import without_home
from reports.document.document import Bullets, Heading, Text, markdown, without_html
from reports.document.table import Column, Table

EVIL = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_cells_that_a_spreadsheet_would_compute_are_text(name):
    frame = pd.DataFrame({"shape": [name, "plain"], "cd": [-1.5, 2.0]})
    assert without_formulas(frame)["shape"].tolist() == [f"'{name}", "plain"]
    assert without_formulas(frame)["cd"].tolist() == [-1.5, 2.0]


def test_no_tag_of_a_name_stands_in_markdown(tmp_path):
    frame = pd.DataFrame({"shape": [EVIL]})
    text = Table(frame, (Column("shape", "Shape"),)).markdown()
    text += markdown([Heading(EVIL), Text(EVIL), Bullets((EVIL, f"`{EVIL}", f"``{EVIL}`"))], tmp_path)
    assert "<" not in text


def test_code_shows_what_it_is():
    assert without_html("`a < b` and c < d") == "`a < b` and c &lt; d"


def test_a_command_names_nobody():
    assert without_home("run --data-root /home/ada/meshes --out /Users/bob/x") == "run --data-root ~/meshes --out ~/x"
