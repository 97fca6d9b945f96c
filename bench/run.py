"""A run: what was asked -> jobs -> rows in a run folder. Finished jobs are never redone; an interrupted run goes on."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import executor, jobs, machine, registry
from bench.codec import Availability
from bench.jobs import CodecSpec, Job
from bench.pipeline import Surroundings, run_job
from bench.profile import Profile, Timeouts
from bench.progress import RunProgress
from bench.references import Prepared, prepare
from bench.store import Row, RunFolder, StoreError
from bench.supervisor import Interrupted

if TYPE_CHECKING:
    from datasets.shape_set import ShapeSet


class NotMeasurable(Exception):
    """A codec or data set that was named cannot be used here: exit code 3."""


class WrongInput(Exception):
    """The request does not make sense, or does not fit the run folder: exit code 2."""


@dataclass(frozen=True)
class Request:
    """Everything that ``bench run`` was asked for, resolved against the profile.

    Args:
        codecs: specs; ``available`` stands for every codec that can run here.
        datasets: specs as `datasets.load` takes them; ``per_set``, ``split``, ``limit`` apply to each.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: jobs at a time; None for one per core (divided by ``threads``), one where a GPU is used.
        shard: (i, n), 1-based: do every n-th job only, starting at the i-th.
    """

    profile: Profile
    codecs: tuple[str, ...]
    datasets: tuple[str, ...]
    out: Path
    cache: Path
    data_root: Path | None = None
    split: Path | None = None
    per_set: int | None = None
    limit: int | None = None
    seed: int = 0
    device: str = "auto"
    executor: str = "local"
    scheduler: str | None = None
    workers: int | None = None
    threads: int = 1
    memory_limit_mb: float | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    shard: tuple[int, int] | None = None
    keep_decoded: bool = False
    retry_failed: bool = False
    remeasure: bool = False
    skip_unavailable: bool = False
    skip_invalid: bool = False
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The work of a run, before any of it is done."""

    request: Request
    device: str
    specs: tuple[CodecSpec, ...]
    skipped: tuple[Mapping[str, str], ...]
    shape_sets: Mapping[str, ShapeSet]
    prepared: Mapping[str, Prepared]
    protocol: Mapping[str, Any]
    protocol_name: str
    jobs: tuple[Job, ...]

    @property
    def workers(self) -> int:
        """Jobs at a time."""
        if self.request.workers:
            return self.request.workers
        return 1 if self.device == "cuda" else max(1, machine.cores() // self.request.threads)


def make_plan(request: Request) -> Plan:
    """Find codecs and data, prepare the shapes, list the jobs.

    Raises:
        NotMeasurable: a named codec or data set is not available, with the remedy.
        WrongInput: a spec or setting that does not exist.
    """
    from bench.metrics.protocol import Protocol

    device = _device(request.device)
    specs, skipped = _choose_codecs(request)
    shape_sets, skipped_sets = _load_datasets(request)
    protocol = Protocol(samples=request.profile.samples, seed=request.seed)
    prepared = {name: _prepare(shapes, request) for name, shapes in shape_sets.items()}
    planned: list[Job] = []
    for name, shapes in prepared.items():
        try:
            planned += jobs.plan(
                specs,
                request.profile,
                dataset=name,
                shapes=shapes.digest,
                protocol=str(protocol),
                seed=request.seed,
                device=device,
            )
        except jobs.InvalidSpec as error:
            raise WrongInput(str(error)) from None
    if request.shard:
        first, step = request.shard
        planned = planned[first - 1 :: step]
    return Plan(
        request=request,
        device=device,
        specs=specs,
        skipped=(*skipped, *skipped_sets),
        shape_sets=shape_sets,
        prepared=prepared,
        protocol=dataclasses.asdict(protocol),
        protocol_name=str(protocol),
        jobs=tuple(planned),
    )


def waiting_jobs(plan: Plan, run: RunFolder) -> list[Job]:
    """The jobs of ``plan`` that have no finished rows in ``run`` yet, or failed ones where those are to be retried."""
    if plan.request.remeasure:
        return list(plan.jobs)
    finished = {
        row["job"]
        for row in run.set_rows()
        if not (plan.request.retry_failed and (row["status"] != "ok" or row["failed"]))
    }
    return [job for job in plan.jobs if job.key not in finished]


def execute(plan: Plan, run: RunFolder, *, quiet: bool = False) -> list[Row]:
    """Do the jobs that wait, append their rows, and return the set rows of all jobs of the plan.

    Raises:
        WrongInput: the folder holds a run of other data or under another metric protocol, or another process uses it.
        KeyboardInterrupt: after the workers were stopped; what is finished is stored.
    """
    from filelock import FileLock, Timeout

    run.path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.lock_path, timeout=0):
            write_manifest(plan, run)
            run.recover()
            todo = waiting_jobs(plan, run)
            _announce(plan, todo, run, quiet)
            for rows in _do(plan, todo, run):
                run.append(rows)
    except Timeout:
        raise WrongInput(f"another process is writing to {run.path}; wait for it or give another --out") from None
    keys = {job.key for job in plan.jobs}
    return [row for row in run.set_rows() if row["job"] in keys]


def _do(plan: Plan, todo: list[Job], run: RunFolder) -> Iterator[list[Row]]:
    stop = threading.Event()
    progress = RunProgress(len(todo), plan.workers)
    around = {name: _surroundings(plan, run, name, stop) for name in plan.prepared}

    def work(job: Job) -> list[Row]:
        progress.start(job)
        return run_job(job, around[job.dataset], functools.partial(progress.update, job))

    if plan.request.executor == "dask":
        results = executor.run_dask(todo, functools.partial(_work, around), address=plan.request.scheduler)
    else:
        results = executor.run_local(todo, work, workers=plan.workers, stop=stop)
    left = {job.key: job for job in todo}
    try:
        for job, rows in results:
            yield rows
            del left[job.key]
            progress.finish(job, rows[-1], list(left.values()))
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        progress.close()


def _work(around: Mapping[str, Surroundings], job: Job) -> list[Row]:
    """What a Dask worker does: plain values in, rows out."""
    return run_job(job, dataclasses.replace(around[job.dataset], stop=None))


def _surroundings(plan: Plan, run: RunFolder, dataset: str, stop: threading.Event) -> Surroundings:
    from bench.metrics.protocol import Protocol, penalty

    request = plan.request
    return Surroundings(
        run=run,
        references=plan.prepared[dataset].references,
        cache=request.cache,
        protocol=plan.protocol,
        penalty=penalty(Protocol(**plan.protocol)),
        timeouts=request.timeouts,
        threads=request.threads,
        workers=plan.workers,
        memory_limit_mb=request.memory_limit_mb or machine.memory_mb() * 0.9 / plan.workers,
        keep_decoded=request.keep_decoded,
        stop=None if request.executor == "dask" else stop,
    )


def _device(asked: str) -> str:
    available = machine.cuda_available() if asked != "cpu" else False
    if asked == "cuda" and not available:
        raise NotMeasurable("device cuda: torch sees no CUDA device here; use --device cpu")
    return "cuda" if available else "cpu"


def _choose_codecs(request: Request) -> tuple[tuple[CodecSpec, ...], list[dict[str, str]]]:
    """Specs that can run, and what is left out with the reason. A named codec that cannot run is an error."""
    chosen: dict[str, CodecSpec] = {}
    skipped: list[dict[str, str]] = []
    for text in request.codecs:
        named = text != "available"
        try:
            for spec in [CodecSpec.parse(text)] if named else [CodecSpec.parse(name) for name in registry.names()]:
                state = registry.get(spec.name).availability()
                if state.ok:
                    chosen.setdefault(spec.text, spec)
                elif named and not request.skip_unavailable:
                    raise NotMeasurable(_unavailable(f"codec {spec.text}", state))
                else:
                    skipped.append({"name": f"codec {spec.text}", "reason": state.reason, "remedy": state.remedy})
        except (registry.UnknownCodec, jobs.InvalidSpec) as error:
            raise WrongInput(str(error)) from None
    if not chosen:
        raise NotMeasurable("none of the codecs that were asked for can run here; see: python -m bench codecs")
    return tuple(chosen.values()), skipped


def _unavailable(what: str, state: Availability) -> str:
    return f"{what} is not available: {state.reason}. {state.remedy} (or go on without it: --skip-unavailable)"


def _load_datasets(request: Request) -> tuple[dict[str, ShapeSet], list[dict[str, str]]]:
    import datasets
    from datasets.errors import DatasetError, DatasetUnavailable

    loaded: dict[str, ShapeSet] = {}
    skipped: list[dict[str, str]] = []
    for spec in request.datasets:
        try:
            shapes = datasets.load(
                spec,
                data_root=request.data_root,
                split=request.split,
                limit=request.limit,
                seed=request.seed,
                per_set=request.per_set,
            )
            if shapes.name in loaded:
                raise WrongInput(
                    f"two data sets of this run are called {shapes.name}; run them into folders of their own"
                )
            loaded[shapes.name] = shapes
        except DatasetUnavailable as error:
            if not request.skip_unavailable:
                raise NotMeasurable(str(error)) from None
            skipped.append({"name": f"data set {spec}", "reason": str(error), "remedy": ""})
        except DatasetError as error:
            raise WrongInput(str(error)) from None
    if not loaded:
        raise NotMeasurable(f"no data set is left to run on: {'; '.join(entry['reason'] for entry in skipped)}")
    return loaded, skipped


def _prepare(shapes: ShapeSet, request: Request) -> Prepared:
    from datasets.errors import DatasetError

    try:
        prepared = prepare(shapes, request.cache, skip_invalid=request.skip_invalid)
    except DatasetError as error:
        raise WrongInput(f"{error} (leave such shapes out with --skip-invalid)") from None
    if not prepared.references:
        raise WrongInput(f"data set {shapes.name}: no valid shape is left")
    return prepared


def _announce(plan: Plan, todo: Sequence[Job], run: RunFolder, quiet: bool) -> None:
    if quiet:
        return
    count = sum(len(prepared.references) for prepared in plan.prepared.values())
    done = len(plan.jobs) - len(todo)
    before = f", {done} done before" if done else ""
    print(
        f"{run.path}: {len(plan.jobs)} jobs{before}; {count} shapes of {', '.join(plan.prepared)}; "
        f"{plan.device}, {plan.workers} at a time",
        file=sys.stderr,
    )
    for entry in plan.skipped:
        print(f"left out: {entry['name']}: {entry['reason']} {entry['remedy']}".rstrip(), file=sys.stderr)


def write_manifest(plan: Plan, run: RunFolder) -> None:
    """Write the run's manifest, or add this invocation to it. Raises `WrongInput` where the folder is another run's."""
    try:
        old = run.read_manifest() if run.manifest_path.exists() else {}
    except StoreError as error:
        raise WrongInput(str(error)) from None
    if not old and run.rows_path.exists():
        raise WrongInput(f"{run.path} holds rows but no manifest; give another --out")
    datasets_ = {name: _describe_dataset(plan, name) for name in plan.prepared}
    _refuse_mixture(run, old, plan, datasets_)
    codecs = {
        spec.text: {**dataclasses.asdict(codec.info), "provenance": codec.provenance()}
        for spec in plan.specs
        for codec in [registry.get(spec.name)]
    }
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    invocation = {"argv": list(plan.request.argv), "started": now, "git": machine.git_state()}
    merged = {**old.get("datasets", {}), **datasets_}
    run.write_manifest(
        {
            "format": 1,
            "created": old.get("created", now),
            "invocations": [*old.get("invocations", []), invocation],
            "argv": invocation["argv"],
            "git": invocation["git"],
            "machine": machine.describe(),
            "profile": dataclasses.asdict(plan.request.profile),
            "protocol": {**plan.protocol, "identifier": plan.protocol_name},
            "seed": plan.request.seed,
            "device": plan.device,
            "dataset": ",".join(merged),
            "datasets": merged,
            "shapes": [{**shape, "dataset": name} for name, entry in merged.items() for shape in entry["shapes"]],
            "skipped_shapes": [shape for entry in merged.values() for shape in entry["skipped_shapes"]],
            "codecs": {**old.get("codecs", {}), **codecs},
            "skipped": list(plan.skipped),
        }
    )


def _describe_dataset(plan: Plan, name: str) -> dict[str, Any]:
    prepared = plan.prepared[name]
    return {
        "digest": prepared.digest,
        "provenance": dict(plan.shape_sets[name].provenance),
        "shapes": [
            {
                "name": ref.name,
                "category": ref.category,
                "source_bytes": ref.source_bytes,
                "sha256": ref.sha256,
                "center": list(ref.center),
                "scale": ref.scale,
            }
            for ref in prepared.references
        ],
        "skipped_shapes": [{"name": shape, "reason": reason} for shape, reason in prepared.skipped],
    }


def _refuse_mixture(run: RunFolder, old: Mapping[str, Any], plan: Plan, new: Mapping[str, Any]) -> None:
    if not old:
        return
    if old["protocol"]["identifier"] != plan.protocol_name and not plan.request.remeasure:
        raise WrongInput(
            f"{run.path} was measured under protocol {old['protocol']['identifier']}, not {plan.protocol_name}; "
            "give another --out, or measure its archives again with --remeasure"
        )
    for name, entry in new.items():
        if name in old["datasets"] and old["datasets"][name]["digest"] != entry["digest"]:
            raise WrongInput(f"{run.path} holds a run on other shapes of {name}; give another --out")
