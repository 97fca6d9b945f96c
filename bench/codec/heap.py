"""The heap of processes that work on large tensors."""

from __future__ import annotations

from collections.abc import Mapping

TUNABLES = "GLIBC_TUNABLES"
_NO_CACHE = "glibc.malloc.tcache_count=0"


def whole_heap(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable with which a process that is started in ``environment`` keeps few holes in its heap.

    PyTorch asks glibc for aligned memory, and glibc (seen in 2.36) cuts off what is over; these crumbs stay in the
    thread's cache, so that a piece, once freed, is too small for the next of its size. A training of 200 shapes grew by
    3 MB a step; without that cache it stays as it is and takes no longer. Other C libraries ignore the variable; what
    the user has set in it stays.
    """
    set_already = environment.get(TUNABLES, "")
    if "glibc.malloc.tcache_count" in set_already:
        return {}
    return {TUNABLES: ":".join(filter(None, (set_already, _NO_CACHE)))}
