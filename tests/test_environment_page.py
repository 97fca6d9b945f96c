"""docs/environment.md names every environment variable that the code reads, and no other of ours."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("bench", "necgs", "baselines", "reports", "datasets", "tests")
PAGE = (ROOT / "docs" / "environment.md").read_text()
OURS = re.compile(
    r"""["'`]((?:NECGS_|BENCH_|AMA_|DT4D_|THINGI10K_|TMC3|PCC_|PCGCV2_|HF_|OMP_WAIT|GITHUB_|NO_COLOR|COLUMNS|TERM|CUDA_V|HIP_V|CUBLAS_W|GLIBC_T)[A-Z0-9_]*)(?:=1)?["'`]"""
)
# BENCH_TEST_...: set by the tests for the workers that they start.
OF_THE_TESTS = "BENCH_TEST_"


def named_in_the_code() -> set[str]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)]
    found = {name for path in files for name in OURS.findall(path.read_text())}
    return {name for name in found if not name.startswith(OF_THE_TESTS)}


def test_every_variable_that_is_read_has_a_name_in_the_code_that_the_search_finds():
    """A variable of another form would be missed; this fails when one is read by name and not found."""
    read = re.compile(r"""environ(?:\.get\(|\.setdefault\(|\[)["']([A-Z0-9_]+)["']""")
    files = [path for folder in FOLDERS[:-1] for path in (ROOT / folder).rglob("*.py")]
    assert {name for path in files for name in read.findall(path.read_text())} <= named_in_the_code()


def test_the_page_names_what_the_code_reads_and_nothing_else():
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    on_the_page = {name for line in lines for name in re.findall(r"`([A-Z0-9_]+)`", line.split("|")[1])}
    assert on_the_page - {"PIP_EXTRA_INDEX_URL"} == named_in_the_code()
