"""From what was asked to the jobs of a run: which codecs can run, which shapes there are, what is to be done."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench import machine, registry
from bench.codec import Availability, UserError
from bench.codec.devices import usable_gpus
from bench.planning import jobs
from bench.planning.chosen_rates import ChosenRates
from bench.planning.jobs import Job
from bench.planning.limits import TASK_SHAPES, Limits
from bench.planning.profile import Profile
from bench.planning.references import Prepared, prepare
from bench.results.rows import is_clean
from bench.results.spec import CodecSpec
from bench.results.store import RunFolder

if TYPE_CHECKING:
    from mesh_datasets.shape_set import ShapeSet

    from bench.metrics.protocol import Protocol


class NotMeasurable(UserError):
    """A codec or data set that was named cannot be used here."""

    exit_code = 3


class WrongInput(UserError):
    """The request does not make sense, or does not fit the run folder."""


@dataclass(frozen=True)
class Request:
    """Everything that ``bench run`` was asked for, resolved against the profile.

    Args:
        codecs: specs; ``available`` stands for every codec that can run here.
        datasets: specs as `mesh_datasets.load` takes them; ``per_set``, ``split``, ``limit`` apply to each.
        device: as `bench.codec.devices.DEVICES` says.
        workers: jobs at a time; None for one per core (divided by their threads).
        task_shapes: how many shapes of a set are one task of a cluster.
        limits: what each job may use; without a limit of memory, its share of the machine's.
        shard: (i, n), 1-based: do every n-th job only, starting at the i-th.
    """

    profile: Profile
    codecs: tuple[str, ...]
    datasets: tuple[str, ...]
    out: Path
    cache: Path
    rates: ChosenRates = field(default_factory=ChosenRates)
    data_root: Path | None = None
    split: Path | None = None
    per_set: int | None = None
    limit: int | None = None
    seed: int = 0
    device: str = "auto"
    executor: str = "local"
    scheduler: str | None = None
    task_shapes: int = TASK_SHAPES
    workers: int | None = None
    limits: Limits = field(default_factory=Limits)
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
    """``cpu`` or ``cuda``."""
    gpus: tuple[int, ...]
    """Numbers of the GPUs to use, one job on each at a time."""
    specs: tuple[CodecSpec, ...]
    skipped: tuple[Mapping[str, str], ...]
    shape_sets: Mapping[str, ShapeSet]
    prepared: Mapping[str, Prepared]
    protocol: Protocol
    jobs: tuple[Job, ...]
    jobs_of_all_shards: tuple[Job, ...] = ()

    @property
    def workers(self) -> int:
        """Jobs at a time."""
        if self.request.workers:
            return self.request.workers
        return max(1, machine.cores() // self.request.limits.threads)


def make_plan(request: Request, progress: Callable[[str, int, int], None] | None = None) -> Plan:
    """Find codecs and data, prepare the shapes, list the jobs.

    Args:
        progress: called after each shape with its data set, how many of that are prepared, and how many it has.

    Raises:
        NotMeasurable: a named codec or data set is not available, with the remedy.
        bench.codec.Unavailable: a GPU was asked for and is not there.
        UserError: a codec, spec, setting or data set that does not exist.
    """
    from bench.metrics.protocol import Protocol

    gpus = usable_gpus(request.device)
    device = "cuda" if gpus else "cpu"
    specs, skipped = _choose_codecs(request)
    shape_sets, skipped_sets = _load_datasets(request)
    protocol = Protocol(samples=request.profile.samples)  # one for all seeds: they are compared
    prepared = {name: _prepare(shapes, request, progress) for name, shapes in shape_sets.items()}
    planned: list[Job] = []
    for name, shapes in prepared.items():
        planned += jobs.plan(
            specs,
            request.profile,
            dataset=name,
            shapes=shapes.digest,
            protocol=str(protocol),
            seed=request.seed,
            device=device,
            rates=request.rates,
        )
    if complaint := request.rates.complaint({job.rate for job in planned}):
        raise WrongInput(complaint)
    own = planned
    if request.shard:
        first, step = request.shard
        own = planned[first - 1 :: step]
    return Plan(
        request=request,
        device=device,
        gpus=gpus,
        specs=specs,
        skipped=(*skipped, *skipped_sets),
        shape_sets=shape_sets,
        prepared=prepared,
        protocol=protocol,
        jobs=tuple(own),
        jobs_of_all_shards=tuple(planned),
    )


def waiting_jobs(plan: Plan, run: RunFolder) -> list[Job]:
    """The jobs of ``plan`` that have no finished rows in ``run`` yet, or failed ones where those are to be retried.

    To measure again are all; where the rows of some were measured under another protocol, those that are left.
    """
    wholes = run.set_rows()
    if plan.request.remeasure and all(row["protocol"] == str(plan.protocol) for row in wholes):
        return list(plan.jobs)
    finished = {row["job"] for row in wholes if is_clean(row) or not plan.request.retry_failed}
    return [job for job in plan.jobs if job.key not in finished]


def _choose_codecs(request: Request) -> tuple[tuple[CodecSpec, ...], list[dict[str, str]]]:
    """Specs that can run, and what is left out with the reason. A named codec that cannot run is an error."""
    chosen: dict[str, CodecSpec] = {}
    skipped: list[dict[str, str]] = []
    jobs.check_codecs_named(request.profile)
    for text in request.codecs:
        named = text != "available"
        for spec in [CodecSpec.parse(text)] if named else [CodecSpec.parse(name) for name in registry.names()]:
            if not named and (reason := request.profile.leave_out.get(spec.name)):
                skipped.append({"name": f"codec {spec.name}", "reason": reason, "remedy": f"--codecs {spec.name}"})
                continue
            state = _state(spec, named)
            if state.ok:
                chosen.setdefault(spec.text, spec)
            elif named and not request.skip_unavailable:
                raise NotMeasurable(_unavailable(f"codec {spec.text}", state))
            else:
                skipped.append({"name": f"codec {spec.text}", "reason": state.reason, "remedy": state.remedy})
    if not chosen:
        raise NotMeasurable("none of the codecs that were asked for can run here; see: python -m bench codecs")
    return tuple(chosen.values()), skipped


def _state(spec: CodecSpec, named: bool) -> Availability:
    """A codec that was named must exist; one that breaks without having been named is left out."""
    if named:
        registry.get(spec.name)
    return registry.availability(spec.name)


def _unavailable(what: str, state: Availability) -> str:
    return f"{what} is not available. {state} Or go on without it: --skip-unavailable."


def _load_datasets(request: Request) -> tuple[dict[str, ShapeSet], list[dict[str, str]]]:
    import mesh_datasets
    from mesh_datasets.errors import DatasetUnavailable

    loaded: dict[str, ShapeSet] = {}
    skipped: list[dict[str, str]] = []
    for spec in request.datasets:
        try:
            shapes = mesh_datasets.load(
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
                raise
            skipped.append({"name": f"data set {spec}", "reason": str(error), "remedy": ""})
    if not loaded:
        raise NotMeasurable(f"no data set is left to run on: {'; '.join(entry['reason'] for entry in skipped)}")
    return loaded, skipped


def _prepare(shapes: ShapeSet, request: Request, progress: Callable[[str, int, int], None] | None) -> Prepared:
    from mesh_datasets.errors import DatasetError

    try:
        told = functools.partial(progress, shapes.name) if progress else None
        prepared = prepare(shapes, request.cache, skip_invalid=request.skip_invalid, progress=told)
    except DatasetError as error:
        raise WrongInput(f"{error} (leave such shapes out with --skip-invalid)") from None
    if not prepared.references:
        raise WrongInput(f"data set {shapes.name}: no valid shape is left")
    return prepared
