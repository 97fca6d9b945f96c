"""What can go wrong while something is fetched.

::

    UserError
      FetchFailed     1: the network, a server, a damaged archive, a full disk, a program that does not work
        DiskFull
      WrongSource     2: what --source names holds nothing that is wanted
      ByHand          3: it cannot be downloaded; says how the user gets it
"""

from __future__ import annotations

from bench.codec.errors import UserError


class FetchFailed(UserError):
    """What was begun could not be finished. Nothing half-done is found by a run."""

    exit_code = 1


class DiskFull(FetchFailed):
    """Too little room for what is to be fetched."""


class WrongSource(UserError):
    """What the user gave holds nothing that is wanted."""


class ByHand(UserError):
    """It cannot be downloaded by a program; the remedy says how to get it."""

    exit_code = 3
