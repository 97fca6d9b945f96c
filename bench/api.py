"""A run from Python: `bench.run`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bench.codec import UserError

if TYPE_CHECKING:
    import pandas as pd


def run(
    codecs: str | Sequence[str] = (),
    dataset: str | Sequence[str] = (),
    *,
    profile: str = "quick",
    rates: Sequence[str] = (),
    limit: int | None = None,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    cache: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    threads: int = 1,
    skip_unavailable: bool = False,
    skip_invalid: bool = False,
    retry_failed: bool = False,
    quiet: bool = True,
) -> pd.DataFrame:
    """Sweep codecs over their rates on a data set; what ``python -m bench run`` does, without its report.

    A run that was interrupted goes on when the same call is made again; finished jobs are not done twice.

    Args:
        codecs: specs such as ``draco``, ``necgs@k64`` or ``necgs:entropy=huffman``; the profile's unless given.
        dataset: ``sample``, ``ama``, ``folder:PATH``, ``procedural:N``, ``poses:N``, ...; the profile's unless given.
        profile: name of a shipped profile, or path of a ``.toml`` file.
        rates: labels; each codec runs those that it has.
        limit: number of shapes, spread evenly over the set.
        out: run folder; ``runs/DATASET-PROFILE`` unless given.
        device: ``auto``, ``cpu``, ``cuda``, or some of several GPUs: ``cuda:1``, ``cuda:0,cuda:1``.
        workers: jobs at a time; one per core unless given.
        quiet: say nothing but failures.

    Returns:
        One line per data set, codec, rate and seed of this call, with the columns of ``summary.csv``
        (`bench.results.summary.COLUMNS`). Jobs that failed are in it, with ``failed`` above 0; what else the folder
        holds of earlier calls is not.

    Raises:
        bench.codec.UserError: wrong names or settings, a codec or data set that is not available, a full disk.
    """
    from bench.__main__ import build_parser
    from bench.commands.preparing import Preparing
    from bench.commands.run import build_request
    from bench.execution.run import execute
    from bench.execution.run_log import NORMAL, QUIET
    from bench.planning.plan import make_plan
    from bench.results.store import RunFolder
    from bench.results.summary import summarise

    options = {
        "--codecs": _comma_separated(codecs),
        "--dataset": _comma_separated(dataset),
        "--rates": _comma_separated(rates),
        **{"--profile": profile, "--limit": limit, "--out": out, "--data-root": data_root, "--cache": cache},
        **{"--seed": seed, "--device": device, "--workers": workers, "--threads": threads},
    }
    flags = {
        "--skip-unavailable": skip_unavailable,
        "--skip-invalid": skip_invalid,
        "--retry-failed": retry_failed,
    }
    words = [f"{name}={value}" for name, value in options.items() if value not in (None, "")]
    words += [name for name, wanted in flags.items() if wanted]
    request = build_request(build_parser(_Strict).parse_args(["run", *words]), tuple(words))
    folder = RunFolder(request.out)
    plan = make_plan(request, None if quiet else Preparing())
    execute(plan, folder, verbosity=QUIET if quiet else NORMAL)
    keys = {job.key for job in plan.jobs}
    return summarise(row for job in folder.jobs() if job.whole["job"] in keys for row in job.rows)


def _comma_separated(names: str | Sequence[str]) -> str:
    return names if isinstance(names, str) else ",".join(names)


class _Strict(argparse.ArgumentParser):
    """A parser that raises where the command line's prints and exits."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)
