"""Settings of a rate against the types of the fields that take them: a profile or command line can hold anything."""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

KINDS: Mapping[type, str] = {
    bool: "on or off (true or false in a profile)",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    type(None): "nothing",
}
"""Types that are checked -> how messages call them. A field of another type is its codec's to check."""


def check_setting_types(rate: type, settings: Mapping[str, Any]) -> None:
    """Raise ``ValueError``, naming the setting, for a value that the annotation of its field does not allow.

    Args:
        rate: a dataclass.
        settings: field -> value.
    """
    known = _kinds(rate)
    for name, value in settings.items():
        kinds = known.get(name, ())
        if kinds and not any(_fits(value, kind) for kind in kinds):
            expected = " or ".join(KINDS[kind] for kind in kinds)
            raise ValueError(f"{name.removesuffix('_')} must be {expected}, not {value!r:.40}")


def _fits(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, kind)


@functools.lru_cache(maxsize=64)
def _kinds(rate: type) -> Mapping[str, tuple[type, ...]]:
    """Field -> the types that it allows; only fields all of whose types are among `KINDS`."""
    try:
        hints = get_type_hints(rate)
    except Exception:  # a codec of somebody else whose annotations name what cannot be found
        return {}
    parts = {
        name: get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        for name, hint in hints.items()
    }
    return {name: kinds for name, kinds in parts.items() if all(kind in KINDS for kind in kinds)}
