"""What a run has to do: codec specs -> jobs, each with a key made of everything that its result depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import registry
from bench.codec import Codec
from bench.codec.did_you_mean import known_names
from bench.planning.chosen_rates import ChosenRates
from bench.planning.profile import Profile
from bench.results.spec import CodecSpec, InvalidSpec

ALL_RATES = ChosenRates()


@dataclass(frozen=True)
class Job:
    """One (data set, codec, rate, seed): the unit that is run, killed, resumed and stored."""

    dataset: str
    codec: str
    name: str
    rate: str
    settings: Mapping[str, Any]
    version: str
    seed: int
    device: str
    protocol: str
    shapes: str

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on; 20 hex digits."""
        return _digest(dataclasses.asdict(self))

    @property
    def archive_key(self) -> str:
        """Hash of what the coded bytes depend on: not of how they are measured."""
        return _digest({**dataclasses.asdict(self), "protocol": ""})

    @property
    def settings_digest(self) -> str:
        """Hash of the settings alone; 8 hex digits."""
        return _digest(self.settings)[:8]

    @property
    def label(self) -> str:
        """For messages: codec and rate."""
        return f"{self.codec} {self.rate}"


def ladder(
    spec: CodecSpec, codec: Codec, profile: Profile, chosen: ChosenRates = ALL_RATES
) -> dict[str, dict[str, Any]]:
    """Rate label -> resolved and validated settings, for one codec under one profile.

    The codec's defaults < the profile's settings < the rate's own < those of the spec.

    Raises:
        InvalidSpec: naming the codec, the rate and the setting at fault.
    """
    rates = _rates(spec, codec, profile)
    common = profile.settings.get(spec.name, {})
    for name in common:
        if all(name in own for own in rates.values()):
            raise InvalidSpec(
                f"profile {profile.name}: {name} under settings.{spec.name} has no effect, for every rate has its own "
                f"({', '.join(rates)}); leave it out, or give rates without it under rates.{spec.name}"
            )
    resolved: dict[str, dict[str, Any]] = {}
    own_table = profile.rates.get(spec.name)
    known = {**codec.ladder, **(own_table if isinstance(own_table, Mapping) else {})}
    for label, own in chosen.of(spec.text, rates, known).items():
        try:
            rate = codec.rate_type.of({**common, **own, **spec.overrides})
        except (TypeError, ValueError) as error:
            raise InvalidSpec(f"codec {spec.text}, rate {label}: {error}") from None
        resolved[label] = rate.settings()
    if spec.overrides:
        _refuse_equal(spec, resolved)
    return resolved


def _refuse_equal(spec: CodecSpec, resolved: Mapping[str, Mapping[str, Any]]) -> None:
    """Rates that overrides make the same would be one point under several labels."""
    for label, settings in resolved.items():
        same = [other for other, others in resolved.items() if others == settings]
        if len(same) > 1:
            one = spec.text.replace(spec.name, f"{spec.name}@{label}", 1)
            labels = ", ".join(same)
            raise InvalidSpec(f"codec {spec.text}: with these settings {labels} are the same; name one: {one}")


def _rates(spec: CodecSpec, codec: Codec, profile: Profile) -> Mapping[str, Mapping[str, Any]]:
    """Label -> the rate's own settings: the profile's table, the rates it names, or the codec's ladder."""
    rates = profile.rates.get(spec.name)
    if isinstance(rates, Mapping):
        return rates
    short = codec.short_ladder if profile.ladder == "short" else ()
    labels = rates or short or tuple(codec.ladder)
    if unknown := [label for label in labels if label not in codec.ladder]:
        raise InvalidSpec(
            f"profile {profile.name}: rates.{spec.name} names {', '.join(unknown)}; "
            f"{known_names(unknown[0], codec.ladder.keys(), f'{spec.name} has the rates')}"
        )
    return {label: codec.ladder[label] for label in labels}


def check_codecs_named(profile: Profile) -> None:
    """Settings, rates and reasons for a codec that does not exist would be lost silently. Raises `InvalidSpec`."""
    known = registry.names()
    for table in ("settings", "rates", "leave_out"):
        for name in getattr(profile, table):
            if name not in known and ":" not in name:
                raise InvalidSpec(
                    f"profile {profile.name}: {table}.{name}: there is no codec {name!r}; {known_names(name, known)}"
                )


def plan(
    specs: Iterable[CodecSpec],
    profile: Profile,
    *,
    dataset: str,
    shapes: str,
    protocol: str,
    seed: int,
    device: str,
    rates: ChosenRates = ALL_RATES,
) -> list[Job]:
    """All jobs of a run, in the order of the specs and of their ladders.

    Args:
        shapes: digest of the prepared shapes, in order.
        protocol: name of the metric protocol with its settings.
        device: ``cpu`` or ``cuda``; a codec that has no use for a GPU runs, and is keyed, as ``cpu``.
        rates: which rates of the codecs; all of the profile's unless told otherwise.
    """
    jobs = []
    for spec in specs:
        codec = registry.get(spec.name)
        for label, settings in ladder(spec, codec, profile, rates).items():
            jobs.append(
                Job(
                    dataset=dataset,
                    codec=spec.text,
                    name=spec.name,
                    rate=label,
                    settings=settings,
                    version=codec.info.version,
                    seed=seed,
                    device=device if device in codec.info.devices else "cpu",
                    protocol=protocol,
                    shapes=shapes,
                )
            )
    return jobs


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:20]
