"""External programs: found, described, run under a deadline, and never left running.

A program is looked for at the path that its environment variable names, then where ``bench fetch`` puts it, then on
PATH. It runs in a process group of
its own; whatever is left of the group is killed when the program ends, when its time is over, and on any error. Its
output goes to a file, whose tail stands in the error. The return code is checked here; what the program
wrote is for the caller to check: several of these programs return 0 on destroyed output.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.codec import Availability, CodecError, Context, DeadlineExceeded, Unavailable
from bench.codec.user_folders import fetch_command, programs_folder

TAIL_CHARACTERS = 800
LARGEST_OUTPUT = 1 << 20
"""Bytes of a program's output that are read back."""

VERSION_SECONDS = 10.0


@dataclass(frozen=True)
class Program:
    """An external program.

    Args:
        name: name of the executable on PATH.
        variable: environment variable that may hold its path.
        source: where a user gets it.
        fetched: name by which ``bench fetch`` knows it; the folder that it is in is called so, too.
        version_options: options that make it print its version and end.
        version_pattern: regular expression whose first group is the version in that output.
    """

    name: str
    variable: str
    source: str
    fetched: str
    version_options: tuple[str, ...] = ("--help",)
    version_pattern: str = r"[Vv]ersion[ :]*(\S+)"

    def find(self) -> Path | None:
        """Path of the executable, or None. A variable that names no executable hides what is elsewhere."""
        named = os.environ.get(self.variable)
        found = shutil.which(named) if named else self._fetched() or shutil.which(self.name)
        return Path(found).resolve() if found else None

    def _fetched(self) -> str | None:
        return shutil.which(self.name, path=str(programs_folder() / self.fetched / "bin"))

    def path(self) -> Path:
        """Path of the executable.

        Raises:
            Unavailable: when there is none, saying what to do.
        """
        found = self.find()
        if found is None:
            missing = self.availability()
            raise Unavailable(missing.reason, missing.remedy)
        return found

    def availability(self) -> Availability:
        """Whether the program is there; when not, what to do."""
        if self.find() is not None:
            return Availability(ok=True)
        named = os.environ.get(self.variable)
        missing = f"no program {self.name} in {programs_folder()} or on PATH"
        reason = f"{self.variable}={named} is not an executable" if named else missing
        return Availability(
            False,
            reason,
            f"type: {fetch_command(self.fetched)}, which clones and builds {self.source}; or set {self.variable}",
        )

    def provenance(self) -> dict[str, str]:
        """Version and SHA-256 of the executable under the program's name; empty when it is not there."""
        found = self.find()
        if found is None:
            return {}
        status = found.stat()
        return {self.name: _described(self, str(found), status.st_mtime_ns, status.st_size)}


@functools.lru_cache(maxsize=32)
def _described(program: Program, path: str, _mtime: int, _size: int) -> str:
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    try:
        output = subprocess.run(
            [path, *program.version_options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=VERSION_SECONDS,
            check=False,
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        output = ""
    match = re.search(program.version_pattern, output)
    return f"{match.group(1) if match else 'unknown version'} sha256:{digest[:16]}"


def run(
    command: Sequence[str | Path],
    folder: Path,
    context: Context,
    failure: type[CodecError],
    *,
    memory: int | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    Args:
        command: executable and arguments.
        folder: working directory; the output goes into a file there, named after the executable.
        context: gives the deadline and the number of threads (as ``OMP_NUM_THREADS``).
        failure: raised when the program cannot be started or does not return 0.
        memory: bytes of address space, and of each file that it writes, beyond which the program fails (on Linux).

    Raises:
        DeadlineExceeded: when the job's time is over; nothing of the program is left running.
    """
    context.check_deadline()
    name = Path(command[0]).name
    log = folder / f"{name}.log"
    environment = {**os.environ, "OMP_NUM_THREADS": str(context.threads)}
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise failure(f"{name} cannot be started: {error}") from None
        try:
            _limit(process, memory)
            code = process.wait(timeout=context.remaining())
        except subprocess.TimeoutExpired:
            raise DeadlineExceeded(f"{name} was still running when the job's time was over") from None
        finally:
            _kill_group(process)
    text = _end_of(log)
    if code != 0:
        how = f"was killed by signal {-code}" if code < 0 else f"returned {code}"
        raise failure(f"{name} {how}: {tail(text)}", f"its files are in {folder}")
    return text


def _limit(process: subprocess.Popen[bytes], memory: int | None) -> None:
    """Bound what a program that has just started may take and write."""
    if memory is None or sys.platform != "linux":
        return
    import resource

    with suppress(ProcessLookupError, PermissionError):
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
            hard = resource.prlimit(process.pid, kind)[1]
            bound = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
            resource.prlimit(process.pid, kind, (bound, hard))


def _end_of(log: Path) -> str:
    """The end of what a program printed; all of it but where it printed without end."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LARGEST_OUTPUT))
        return file.read(LARGEST_OUTPUT).decode(errors="replace")


def tail(text: str) -> str:
    """The last lines of a program's output, on one line."""
    joined = " | ".join(line.strip() for line in text.splitlines() if line.strip())
    return joined[-TAIL_CHARACTERS:] or "it printed nothing"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
