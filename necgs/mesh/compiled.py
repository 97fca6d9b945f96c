"""How the functions of the innermost loops are compiled: without counts of references.

An array that is handed on costs two atomic additions otherwise, a third of a decoder's time where bits are coded one
by one. Such a function makes no arrays, nor do those that
it calls, and it keeps none of those that it is given.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.core.options import DefaultOptions

_UNCOUNTED = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}
"""The option is numba's own, so a version without it is slower, and no worse."""

inner: Any = numba.njit(cache=True, **_UNCOUNTED)
