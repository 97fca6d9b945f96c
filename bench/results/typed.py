"""JSON objects checked against a ``TypedDict``: wrong types are named, absent columns filled, unknown ones kept."""

from __future__ import annotations

import types
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints


class WrongType(ValueError):
    """A value that is absent or of another type than its column's; the message names the column."""


@dataclass(frozen=True)
class Record:
    """What a JSON object has to look like.

    Args:
        kind: the ``TypedDict``.
        defaults: column -> value where it is absent or null. A required column without a default must be there.
        parts: column -> what the object in it, or each object of the list in it, has to look like.
        members: column -> what each member of the object in it has to look like; the members' names are free.
    """

    kind: type
    defaults: Mapping[str, Any]
    parts: Mapping[str, Record] = field(default_factory=dict)
    members: Mapping[str, Record] = field(default_factory=dict)

    @cached_property
    def columns(self) -> Mapping[str, tuple[type, ...]]:
        """Column -> Python types that it may hold. A float column also holds integers."""
        return {name: _types(hint) for name, hint in get_type_hints(self.kind).items()}

    @cached_property
    def contents(self) -> Mapping[str, tuple[type, ...]]:
        """Column of a dictionary or list that no record describes -> Python types of what may be in it."""
        hints = {name: hint for name, hint in get_type_hints(self.kind).items() if get_origin(hint) in (dict, list)}
        free = hints.keys() - self.parts.keys() - self.members.keys()
        return {name: _types(get_args(hints[name])[-1]) for name in sorted(free)}

    @cached_property
    def allowed(self) -> Mapping[str, tuple[Any, ...]]:
        """Column of a literal type -> its values."""
        hints = get_type_hints(self.kind)
        return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}

    @cached_property
    def required(self) -> frozenset[str]:
        """Columns that must be there."""
        return frozenset(cast("Any", self.kind).__required_keys__) - set(self.defaults)


def conform(values: object, record: Record, where: str = "") -> dict[str, Any]:
    """``values`` with types checked and defaults filled; columns that ``record`` does not know are kept.

    Args:
        where: the column that holds ``values``, for messages.

    Raises:
        WrongType: naming the column, the type that it should have and what is there.
    """
    if not isinstance(values, dict):
        raise WrongType(f"{where or 'the value'} must be a JSON object, not {values!r:.40}")
    prefix = f"{where}." if where else ""
    absent = record.required - values.keys()
    if absent:
        raise WrongType(f"there is no {', '.join(prefix + name for name in sorted(absent))}")
    filled = {**_fresh(record.defaults), **values}
    for name, kinds in record.columns.items():
        if name not in filled:
            continue
        value = filled[name]
        if value is None and name in record.defaults:
            filled[name] = copy(record.defaults[name])
        else:
            _check(value, kinds, prefix + name)
    for name, kinds in record.contents.items():
        inner = filled.get(name, ())
        for key, value in inner.items() if isinstance(inner, dict) else enumerate(inner):
            _check(value, kinds, f"{prefix}{name}[{key!r}]")
    for name, choices in record.allowed.items():
        if values.get(name) not in choices:
            raise WrongType(f"{prefix}{name} must be {' or '.join(map(repr, choices))}, not {values.get(name)!r:.40}")
    for name, part in record.parts.items():
        filled[name] = _part(filled[name], part, prefix + name)
    for name, part in record.members.items():
        filled[name] = {key: conform(entry, part, f"{prefix}{name}[{key!r}]") for key, entry in filled[name].items()}
    return filled


def _check(value: Any, kinds: tuple[type, ...], where: str) -> None:
    if isinstance(value, kinds) and not (isinstance(value, bool) and not {bool, object} & set(kinds)):
        return
    expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
    raise WrongType(f"{where} must be {expected}, not {value!r:.40}")


def _part(value: Any, part: Record, where: str) -> Any:
    if isinstance(value, list):
        return [conform(entry, part, f"{where}[{number}]") for number, entry in enumerate(value)]
    return None if value is None else conform(value, part, where)


def _fresh(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults that two rows do not share."""
    return {name: copy(value) for name, value in defaults.items()}


def _types(hint: Any) -> tuple[type, ...]:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return tuple(kind for part in get_args(hint) for kind in _types(part))
    if origin is Literal:
        return tuple({type(value) for value in get_args(hint)})
    if origin is not None:
        return (origin,)
    if hint is float:
        return (float, int)
    if hint is Any:
        return (object,)
    return (dict,) if hasattr(hint, "__required_keys__") else (hint,)
