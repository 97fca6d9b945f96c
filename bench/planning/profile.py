"""Profiles: named sets of settings for a run, kept as TOML and validated on reading.

A profile is a file of this form; the shipped ones lie in ``bench/profiles/``, a user's own is given by its path::

    description = "what it is for and how long it takes"
    dataset = "sample"
    codecs = ["available"]          # or names
    limit = 6                       # shapes, spread evenly over the set; leave out for all
    samples = 100000                # points a mesh for the sampled metrics
    workers = 1                     # jobs at a time; leave out for one per core
    timeout_s = { encode = 600, decode = 300, measure = 300 }

    [settings.necgs]                # settings that all rates of a codec share
    resolution = 64

    [rates.draco]                   # label = settings; a codec without rates here uses its own ladder
    q8 = { bits = 8 }
    q11 = { bits = 11 }
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bench.codec import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[1] / "profiles"

Settings = Mapping[str, Any]


class InvalidProfile(UserError):
    """A profile that does not exist or does not validate."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds that one job may spend in each of its processes."""

    encode: float = 3600.0
    decode: float = 1800.0
    measure: float = 1800.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
                raise ValueError(f"timeout_s.{name} must be a positive number of seconds, not {value!r}")


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
    settings: Mapping[str, Settings] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, Settings]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("limit", "workers", "samples"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ValueError(f"{name} must be a positive integer, not {value!r}")
        if not self.codecs or not all(isinstance(name, str) for name in self.codecs):
            raise ValueError("codecs must be a list of names that is not empty")
        for codec, ladder in self.rates.items():
            if (
                not isinstance(ladder, Mapping)
                or not ladder
                or not all(isinstance(s, Mapping) for s in ladder.values())
            ):
                raise ValueError(
                    f"rates.{codec} must hold at least one line of the form: label = {{ setting = value }}"
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
        raise InvalidProfile(
            f"there is no profile {name!r}; shipped: {', '.join(shipped())}; or give the path of a .toml file"
        ) from None
    except (OSError, ValueError) as error:
        raise InvalidProfile(f"{path}: {error}") from None
    return parse(path.stem, content, where=str(path))


def parse(name: str, content: Mapping[str, Any], where: str = "profile") -> Profile:
    """Validate the content of a profile file. Raises `InvalidProfile`."""
    known = {f.name for f in fields(Profile)} - {"name"}
    unknown = sorted(set(content) - known)
    if unknown:
        raise InvalidProfile(f"{where}: unknown key {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    values = dict(content)
    try:
        if "timeout_s" in values:
            values["timeout_s"] = Timeouts(**values["timeout_s"])
        if "codecs" in values:
            values["codecs"] = tuple(values["codecs"])
        return Profile(name=name, **values)
    except (TypeError, ValueError) as error:
        raise InvalidProfile(f"{where}: {error}") from None
