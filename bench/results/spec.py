"""The name of a codec in specs, rows and legends: ``NAME`` or ``NAME:KEY=VALUE:KEY=VALUE``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.codec import UserError, parse_value


class InvalidSpec(UserError):
    """A codec spec, or a setting in it, that cannot be understood."""


@dataclass(frozen=True)
class CodecSpec:
    """``NAME[:KEY=VALUE...]``: a codec, with settings that override those of every rate.

    ``necgs:entropy=huffman`` is a variant of ``necgs`` and stands in the tables under its whole spec.
    NAME is a registered name or the ``module:Class`` of a codec under development.
    """

    text: str
    name: str
    overrides: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str) -> CodecSpec:
        """Parse a spec. Raises `InvalidSpec`."""
        pieces = text.strip().split(":")
        name = ":".join(piece for piece in pieces if "=" not in piece)
        settings = [piece.partition("=") for piece in pieces if "=" in piece]
        if not name or any(not key for key, _, _ in settings):
            raise InvalidSpec(f"{text!r} is not of the form NAME or NAME:KEY=VALUE:KEY=VALUE")
        return cls(text.strip(), name, {key: parse_value(value) for key, _, value in settings})

    @property
    def settings_text(self) -> str:
        """The settings as they were written, for titles: ``resolution=64, fit=none``; empty where there are none."""
        return ", ".join(piece for piece in self.text.split(":") if "=" in piece)


def codec_name(spec: str) -> str:
    """The codec of a spec, without its settings: ``necgs:K=64`` -> ``necgs``. Raises `InvalidSpec`."""
    return CodecSpec.parse(spec).name
