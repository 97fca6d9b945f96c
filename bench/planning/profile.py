"""Profiles: named sets of settings for a run, kept as TOML and validated on reading.

A profile is a file of this form; the shipped ones lie in ``bench/profiles/``, a user's own is given by its path::

    description = "what it is for and how long it takes"
    dataset = "sample"
    codecs = ["available"]          # or names
    limit = 6                       # shapes, spread evenly over the set; leave out for all
    samples = 100000                # points a mesh for the sampled metrics
    workers = 1                     # jobs at a time; leave out for one per core
    timeout_s = { encode = 600, decode = 300, measure = 300 }   # seconds for up to 48 shapes; more in proportion

    ladder = "short"                # codecs without rates below run their short ladders; leave out for the whole ones

    [leave_out]                     # codecs that "available" does not stand for, with the reason
    necgs-paper = "takes days on a CPU"

    [settings.necgs]                # settings that all rates of a codec share; the codec's defaults for all others
    epochs = 50

    [rates]
    octree = ["b5", "b6"]           # rates of the codec's own ladder

    [rates.draco]                   # or rates of the profile's own: label = settings
    q8 = { bits = 8 }
    q11 = { bits = 11 }

A rate's own settings come before those of ``[settings]``, and those of a variant on the command line
(``necgs:epochs=20``) before both. A setting that would have no effect is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bench.codec import UserError
from bench.codec.did_you_mean import known_names
from bench.planning.limits import Timeouts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[1] / "profiles"

LADDERS = ("full", "short")

Settings = Mapping[str, Any]


class InvalidProfile(UserError):
    """A profile that does not exist or does not validate."""


@dataclass(frozen=True)
class Profile:
    """What a run does where the command line says nothing."""

    name: str
    description: str = ""
    dataset: str = "sample"
    codecs: tuple[str, ...] = ("available",)
    limit: int | None = None
    samples: int = 100_000
    workers: int | None = None
    timeout_s: Timeouts = field(default_factory=Timeouts)
    ladder: str = "full"
    leave_out: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Settings] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, Settings] | tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("limit", "workers", "samples"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ValueError(f"{name} must be a positive integer, not {value!r}")
        for name in ("description", "dataset"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be text, not {getattr(self, name)!r:.40}")
        for name in ("leave_out", "settings", "rates"):
            if not isinstance(getattr(self, name), Mapping):
                raise ValueError(f"{name} must be a table, not {getattr(self, name)!r:.40}")
        if not isinstance(self.codecs, tuple) or not self.codecs or not all(isinstance(n, str) for n in self.codecs):
            raise ValueError("codecs must be a list of names that is not empty")
        if self.ladder not in LADDERS:
            raise ValueError(f"ladder is one of {', '.join(LADDERS)}, not {self.ladder!r}")
        for codec, reason in self.leave_out.items():
            if not isinstance(reason, str) or not reason:
                raise ValueError(f"leave_out.{codec} must say why")
        for codec, common in self.settings.items():
            if not isinstance(common, Mapping):
                raise ValueError(f"settings.{codec} must hold lines of the form: setting = value")
        for codec, rates in self.rates.items():
            _check_rates(codec, rates)


def _check_rates(codec: str, rates: object) -> None:
    """A table of label -> settings, or labels of the codec's ladder, each once."""
    if isinstance(rates, tuple):
        valid = all(isinstance(label, str) for label in rates) and len(set(rates)) == len(rates)
    else:
        valid = isinstance(rates, Mapping) and all(isinstance(own, Mapping) for own in rates.values())
    if not rates or not valid:
        raise ValueError(
            f"rates.{codec} must be a list of labels of the codec's ladder, each once, or hold at least one line of "
            "the form: label = { setting = value }"
        )


def shipped() -> list[str]:
    """Names of the profiles that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Profile:
    """Read a shipped profile by name, or any by the path of its ``.toml`` file.

    Raises:
        InvalidProfile: naming the file, the key at fault and what is allowed.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        if Path(name).exists():
            raise InvalidProfile(f"{name}: a profile is a file whose name ends in .toml") from None
        raise InvalidProfile(
            f"there is no profile {name!r}; {known_names(name, shipped(), 'shipped')}; or give the path of a .toml file"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidProfile(f"{path}: {error}") from None
    return parse(path.stem, content, where=str(path))


def parse(name: str, content: Mapping[str, Any], where: str = "profile") -> Profile:
    """Validate the content of a profile file. Raises `InvalidProfile`."""
    known = {f.name for f in fields(Profile)} - {"name"}
    unknown = sorted(set(content) - known)
    if unknown:
        raise InvalidProfile(f"{where}: unknown key {', '.join(unknown)}; {known_names(unknown[0], sorted(known))}")
    values = dict(content)
    try:
        if "timeout_s" in values:
            if not isinstance(values["timeout_s"], Mapping):
                raise ValueError(f"timeout_s must be a table, {{ encode = 600 }} say, not {values['timeout_s']!r}")
            values["timeout_s"] = Timeouts(**values["timeout_s"])
        if isinstance(values.get("codecs"), list):
            values["codecs"] = tuple(values["codecs"])
        if isinstance(values.get("rates"), Mapping):
            values["rates"] = {
                codec: tuple(rates) if isinstance(rates, list) else rates for codec, rates in values["rates"].items()
            }
        return Profile(name=name, **values)
    except (TypeError, ValueError) as error:
        raise InvalidProfile(f"{where}: {error}") from None
