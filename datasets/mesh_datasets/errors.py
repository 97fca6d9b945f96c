"""The errors of the data sets. Each names the input, says what is wrong with it and what the user can do.

::

    UserError
      DatasetError
        UnknownDataset      no data set of that name, or an argument that it does not take
        DatasetUnavailable  the data are not on this machine
        InvalidSplit        a split file that cannot be read, or that names shapes that are not there
        InvalidShape        a shape that holds no usable triangle mesh
"""

from __future__ import annotations

from bench.codec.errors import UserError


class DatasetError(UserError):
    """Root of the tree."""


class UnknownDataset(DatasetError):
    """No data set of that name, or an argument that the data set does not take."""


class DatasetUnavailable(DatasetError):
    """The data are not on this machine; the remedy says where they were looked for and how to get them."""

    exit_code = 3


class InvalidSplit(DatasetError):
    """A split file that cannot be read, or that names shapes that the data set does not hold."""


class InvalidShape(DatasetError):
    """A shape that holds no usable triangle mesh: unreadable, empty, not finite, indices out of range."""
