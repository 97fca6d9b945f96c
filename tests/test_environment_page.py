"""docs/environment.md names every environment variable that the code reads, and no other of ours."""

from __future__ import annotations

import re
from configparser import ConfigParser
from fnmatch import fnmatch
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


def on_the_page() -> set[str]:
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    return {name for line in lines for name in re.findall(r"`([A-Z0-9_]+)`", line.split("|")[1])}


def test_tox_hands_on_every_variable_of_the_page():
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    passed = [*tox["testenv"]["pass_env"].split(), *tox["testenv:bench"]["pass_env"].split()]
    passed += ["NO_COLOR", "TERM"]  # of themselves
    values = dict(line.split(" = ") for line in tox["testenv"]["set_env"].splitlines() if " = " in line)
    passed += [name for name, value in values.items() if value.startswith(f"{{env:{name}:")]
    assert [name for name in sorted(on_the_page()) if not any(fnmatch(name, pattern) for pattern in passed)] == []


def test_the_page_names_what_the_code_reads_and_nothing_else():
    assert on_the_page() - {"PIP_EXTRA_INDEX_URL"} == named_in_the_code()
