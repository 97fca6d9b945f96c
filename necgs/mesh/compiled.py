"""How the functions of the innermost loops are compiled: without counts of references.

An array that is handed on costs two atomic additions otherwise, a third of a decoder's time where bits are coded one
by one. Such a function makes no arrays, nor do those that
it calls, and it keeps none of those that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core.options import DefaultOptions

_UNCOUNTED: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}
"""The option is numba's own, so a version without it is slower, and no worse."""

Function = TypeVar("Function", bound=Callable[..., Any])


def inner(function: Function) -> Function:
    """Compile a function of an innermost loop."""
    compiled: Function = numba.njit(cache=True, **_UNCOUNTED)(function)
    return compiled
