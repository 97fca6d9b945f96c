"""Kills at named places of a run, not by chance: what `test_placed_kills` puts into the processes that it starts.

A folder with a ``sitecustomize.py`` that calls `install` goes to the front of ``PYTHONPATH``; ``BENCH_TEST_KILL`` says
where: ``WHERE WHEN MODULE:NAME COUNT SIGNAL WHOM``. In the ``run`` (the process that the test started) or in its
``worker``, the COUNT-th call of the function sends the signal, before or after it (or in the midst of its first write):
to the ``run``, or to the ``worker`` alone.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import time
from typing import Any

VARIABLE = "BENCH_TEST_KILL"
RUN = "BENCH_TEST_RUN"
"""Process id of the run: workers inherit it."""


def install() -> None:
    """Wrap the function that the environment names; also notes the process that comes first as the run."""
    os.environ.setdefault(RUN, str(os.getpid()))
    order = os.environ.get(VARIABLE)
    here = "run" if os.environ[RUN] == str(os.getpid()) else "worker"
    if not order or not order.startswith(here):
        return
    _, when, place, count, number, whom = order.split()
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, name, _wrapped(getattr(owner, name), when, int(count), int(number), whom))


def _wrapped(function: Any, when: str, count: int, number: int, whom: str) -> Any:
    calls = 0

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != count:
            return function(*args, **kwargs)
        if when == "before":
            _kill(number, whom)
        if when == "midst":
            return _cut_short(function, number, whom, *args)
        result = function(*args, **kwargs)
        if when == "after":
            _kill(number, whom)
        return result

    return wrapped


def _cut_short(append: Any, number: int, whom: str, *args: Any) -> None:
    """`RunFolder.append` with half of its bytes written."""
    original = os.write

    def half(descriptor: int, data: bytes) -> int:
        original(descriptor, data[: len(data) // 2])
        os.write = original
        _kill(number, whom)
        return len(data) // 2

    os.write = half
    append(*args)


def _kill(number: int, whom: str) -> None:
    os.environ.pop(VARIABLE, None)
    run = int(os.environ[RUN])
    if whom == "run":
        os.kill(run, number)
    if whom == "worker" or number == signal.SIGKILL:
        os.kill(os.getpid(), signal.SIGKILL)
    elif os.getpid() != run:
        time.sleep(60)  # the run ends this process
