"""The errors that a codec may raise. Each says what, where, and what the user can do."""

from __future__ import annotations

from typing import ClassVar


class CodecError(Exception):
    """Root of the tree; its `status` is what the row of a failed shape or set carries.

    Args:
        what: one sentence that names the input and the fault.
        remedy: what the user can do, if anything.
    """

    status: ClassVar[str] = "encode_failed"

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} ({remedy})" if remedy else what)
        self.remedy = remedy


class Unavailable(CodecError):
    """The codec cannot run here: a package, program, checkpoint or device is missing."""

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


class DeadlineExceeded(CodecError):
    """The time allowed for the job is over."""

    status = "timeout"
