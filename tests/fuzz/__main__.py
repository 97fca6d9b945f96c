"""One case again, without a process around it: ``BENCH_FUZZ_SEED=1 python -m tests.fuzz FORMAT NUMBER [FILE]``.

The bytes go into FILE where it is given.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from random import Random

from bench.codec import Context
from tests.fuzz import programs
from tests.fuzz.formats import FORMATS


def main(name: str, number: str, file: str | None = None) -> None:
    """Make the case and decode it; its traceback is the result."""
    programs.install()
    found = FORMATS[name]
    case = found.damage(Random(f"{os.environ.get('BENCH_FUZZ_SEED', '1')}/{name}/{number}"), found.pool())
    if file:
        Path(file).write_bytes(pickle.dumps(case))
    print(found.decode(case, Context()))


if __name__ == "__main__":
    main(*sys.argv[1:])
