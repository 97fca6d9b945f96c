"""Tables as LaTeX: they fit a two-column page, stand alone, and compile."""

import shutil
import subprocess

import pandas as pd
import pytest

from reports.document.latex import LETTERS, LINES, SHORT, bare, environment, escape
from reports.document.table import Column, Table
from reports.report import write_report
from reports.run_data import RunData
from reports.sections.rate_points import comparable_table, points_table
from tests.reports.synthetic import write_run

DOCUMENT = r"""\documentclass[twocolumn]{article}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"), shapes=6)


def table_of(lines: int, columns: int) -> Table:
    frame = pd.DataFrame({"title": [f"Codec {k // 4}" for k in range(lines)]})
    for number in range(columns):
        frame[f"x{number}"] = 1234.5
    numbers = [Column(f"x{number}", f"Value {number}", 1) for number in range(columns)]
    return Table(frame, (Column("title", "Codec"), *numbers))


@pytest.mark.parametrize(("columns", "environment"), [(3, "table"), (8, "table*"), (14, "table*")])
def test_a_table_takes_one_column_where_it_fits_and_else_both(columns, environment):
    assert rf"\begin{{{environment}}}[t]" in table_of(5, columns).latex()


def test_short_tables_take_one_column():
    assert environment(pd.DataFrame({"Codec": ["x" * (LETTERS - 2)]})) == "table"
    assert environment(pd.DataFrame({"Codec": ["x" * LETTERS]})) == "table*"
    assert environment(pd.DataFrame({"Codec": ["x"] * SHORT})) == "table"
    assert environment(pd.DataFrame({"Codec": ["x"] * (SHORT + 1)})) == "table*"


def test_a_bracket_cannot_become_an_argument_of_the_line_break():
    assert escape("[draft]") == "{[}draft{]}"


def test_a_long_table_becomes_several_floats_split_between_codecs():
    latex = table_of(150, 6).latex("tab:long")
    floats = latex.count(r"\begin{table*}")
    assert floats > 1
    assert latex.count(r"\label{tab:long}") == 1
    assert latex.count("(Continued.)") == 0  # no caption, nothing to continue
    for part in latex.split(r"\end{table*}")[:-1]:
        body = part.split(r"\midrule")[1].splitlines()[1:]
        assert body[0].startswith("Codec")
        assert sum("&" in line for line in body) <= LINES


def test_names_stand_where_they_change_only(run):
    latex = points_table(RunData.load(run.path), "sample").latex()
    assert latex.count("NeCGS (ours) &") == 1
    assert r"\addlinespace" in latex
    grouped = comparable_table(RunData.load(run.path), "sample")
    assert grouped.latex().count(r"\midrule") == grouped.frame["size"].nunique()
    assert r"\addlinespace" not in grouped.latex()


def test_the_caption_tells_units_and_marks(run):
    data = RunData.load(run.path)
    (caption,) = [line for line in points_table(data, "sample").latex().splitlines() if r"\caption" in line]
    for part in ("Every rate point on sample.", "$10^{-3}$", r"$\bullet$: no other", r"$^{\approx}$: within"):
        assert part in caption
    assert r"\textbf" not in caption
    assert r"Best \textbf{bold}" in comparable_table(data, "sample").latex()


def test_the_width_of_a_heading_is_that_of_its_letters():
    assert bare(r"F1-0.005 $\uparrow$") == "F1-0.005 x"
    assert bare(r"a\_b") == "a_b"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_table_of_a_report_compiles_and_none_is_overfull(run, tmp_path):
    write_report(run.path, out=tmp_path, formats=["svg"], paper=True)
    tables = sorted((tmp_path / "tables").glob("*.tex"))
    assert len(tables) > 10
    (tmp_path / "all.tex").write_text(DOCUMENT % "\n".join(path.read_text() for path in tables))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert not [line for line in done.stdout.splitlines() if "Overfull" in line or "too large" in line]
