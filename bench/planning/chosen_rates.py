"""Which rates of a codec the command line asks for: ``necgs@k64,draco`` and ``--rates``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.codec.did_you_mean import known_names
from bench.results.spec import InvalidSpec

Rates = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ChosenRates:
    """Labels of rates; without any, all of the profile's.

    Args:
        of_all: labels that each codec takes if it has them.
        by_codec: codec spec -> the labels that stood behind its ``@``; these come before ``of_all``.
    """

    of_all: tuple[str, ...] = ()
    by_codec: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, spec: str, usual: Rates, known: Rates) -> Rates:
        """The rates of a codec that are to be run.

        Args:
            usual: what the profile runs.
            known: all labels that may be asked for: the codec's ladder and the profile's own rates.

        Raises:
            InvalidSpec: a label that the codec does not have, or none of the common ones.
        """
        labels = self.by_codec.get(spec) or tuple(label for label in self.of_all if label in known)
        if self.of_all and not labels:
            raise InvalidSpec(
                f"{spec} has no rate {', '.join(self.of_all)}; {known_names(self.of_all[0], known.keys())}"
            )
        for label in labels:
            if label not in known:
                raise InvalidSpec(f"{spec} has no rate {label!r}; {known_names(label, known.keys())}")
        return {label: known[label] for label in dict.fromkeys(labels)} if labels else usual

    def complaint(self, planned: Collection[str]) -> str:
        """Which of the labels for all codecs none of them runs, whose rates are ``planned``, and why; else empty."""
        absent = ", ".join(label for label in self.of_all if label not in planned)
        if not absent or not self.by_codec:
            return f"--rates: none of the codecs has a rate {absent}" if absent else ""
        named = ", ".join(f"{spec}@{'+'.join(labels)}" for spec, labels in self.by_codec.items())
        return f"--rates: no codec runs a rate {absent}; @ goes before --rates: {named} takes what stands behind its @"


def without_rates(specs: Sequence[str]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """``NAME@RATE:KEY=VALUE`` -> the specs ``NAME:KEY=VALUE``, each once, and the labels of each.

    ``NAME@RATE+RATE`` and naming a codec twice with other rates are the same. A codec that is named without a rate,
    too, runs all of them.

    Raises:
        InvalidSpec: an ``@`` without a label behind it.
    """
    labels: dict[str, tuple[str, ...]] = {}
    everything = set()
    for text in specs:
        match = re.fullmatch(r"([^@]+)@([^:]*)(:.*)?", text)
        spec = text if match is None else match[1] + (match[3] or "")
        found = () if match is None else tuple(match[2].split("+"))
        if "" in found:
            raise InvalidSpec(f"{text!r} is not of the form NAME@RATE, NAME@RATE+RATE or NAME@RATE:KEY=VALUE")
        everything |= {spec} if match is None else set()
        labels[spec] = labels.get(spec, ()) + found
    return tuple(labels), {spec: found for spec, found in labels.items() if found and spec not in everything}
