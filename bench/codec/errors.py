"""The errors that a user meets. Each says what, where, and what the user can do, and has an exit code.

::

    UserError            2: wrong usage or input; the other rooms' errors derive from it
      DamagedReference   1: what a run measures against was altered
      CodecError         1: a job failed; what a codec may raise
        Unavailable      3: not measurable here
        InvalidMesh, EncodeFailed, DecodeFailed, CorruptArchive, DeadlineExceeded
"""

from __future__ import annotations

from typing import ClassVar


class UserError(Exception):
    """An error that the command line shows as one line, without a traceback, and turns into its exit code.

    Exit codes: 1 a job or a gate failed; 2 wrong usage or input; 3 not measurable here; 4 coverage lost.

    Args:
        what: one sentence that names the input and the fault.
        remedy: what the user can do, if anything.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} ({remedy})" if remedy else what)
        self.what = what
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[UserError], tuple[str, str]]:
        # Errors cross process boundaries: rebuild from both arguments, not from the joined message.
        return type(self), (self.what, self.remedy)


class DamagedReference(UserError):
    """A mesh that is no longer what it was when work on it began: a reference in the cache, or the user's file."""

    exit_code = 1


class CodecError(UserError):
    """Root of what a codec may raise; its `status` is what the row of a failed shape or set carries."""

    exit_code = 1
    status: ClassVar[str] = "encode_failed"


class Unavailable(CodecError):
    """The codec cannot run here: a package, program, checkpoint or device is missing."""

    exit_code = 3
    status = "unavailable"


class InvalidMesh(CodecError):
    """A mesh that the codec cannot take: empty, not finite, out of range."""

    status = "invalid_mesh"


class EncodeFailed(CodecError):
    """The encoder broke, or wrote nothing usable."""

    status = "encode_failed"


class DecodeFailed(CodecError):
    """The decoder broke, or returned no usable mesh."""

    status = "decode_failed"


class CorruptArchive(CodecError):
    """The bytes are truncated, altered, or were not written by this codec."""

    status = "corrupt"


class OutOfMemory(CodecError):
    """Memory, of the CPU or of a GPU, does not suffice."""

    status = "out_of_memory"


class DeadlineExceeded(CodecError):
    """The time allowed for the job is over."""

    status = "timeout"


STATUSES = frozenset(
    kind.status
    for kind in (Unavailable, InvalidMesh, EncodeFailed, DecodeFailed, CorruptArchive, OutOfMemory, DeadlineExceeded)
)
"""What a codec may put into a row."""


def reported_status(error: CodecError, otherwise: str) -> str:
    """The status of an error that a codec raised; ``otherwise`` where its class has none of `STATUSES`."""
    return error.status if type(error) is not CodecError and error.status in STATUSES else otherwise
