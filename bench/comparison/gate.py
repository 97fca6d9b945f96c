"""Did compression become worse? A run against a baseline, with an exit code that a CI job understands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.comparison.compare import Finding, Kind, Tolerance, compare, markdown
from bench.comparison.gate_reference import Baseline

PASSED, FAILED, USAGE, NOT_MEASURABLE, COVERAGE_LOST = 0, 1, 2, 3, 4
"""Exit codes."""


@dataclass(frozen=True)
class Verdict:
    """The findings of a gate and the exit code that follows from them."""

    findings: tuple[Finding, ...]
    code: int

    def markdown(self) -> str:
        """The report: verdict, counts, table."""
        return f"## Compression gate: {_WORDS[self.code]}\n\n{markdown(self.findings)}"


_WORDS = {
    PASSED: "passed",
    FAILED: "worse than the baseline",
    NOT_MEASURABLE: "not measurable",
    COVERAGE_LOST: "coverage lost",
}


def gate(baseline: Baseline, run: Baseline, tolerance: Tolerance | None = None) -> Verdict:
    """Compare a run with a baseline and judge. Something that became worse outweighs what is missing."""
    if not baseline.points or not run.points:
        empty = "the run holds no finished job" if not run.points else "the baseline holds no point"
        return Verdict((Finding(Kind.UNMEASURABLE, "-", "-", "-", empty),), NOT_MEASURABLE)
    findings = compare(baseline, run, tolerance)
    return Verdict(tuple(findings), exit_code(findings))


def exit_code(findings: Sequence[Finding]) -> int:
    """0 nothing worse and nothing lost; 1 worse; 4 rows are missing; 3 rows could not be measured."""
    kinds = {finding.kind for finding in findings}
    if Kind.REGRESSION in kinds:
        return FAILED
    if Kind.MISSING in kinds:
        return COVERAGE_LOST
    return NOT_MEASURABLE if Kind.UNMEASURABLE in kinds else PASSED


def publish(text: str) -> None:
    """Print a report, and append it to the summary page of a GitHub Actions job where there is one.

    A page that cannot be written is told on standard error: it says nothing about the run.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # A reader that left early (``| head``) must not turn a failed gate into a passed one.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if not page:
        return
    try:
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        print(f"bench gate: the summary page {page} cannot be written: {error.strerror}", file=sys.stderr)
