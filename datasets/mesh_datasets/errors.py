"""The errors of the data sets. Each names the input, says what is wrong with it and what the user can do.

::

    DatasetError
      UnknownDataset      no data set of that name, or an argument that it does not take
      DatasetUnavailable  the data are not on this machine
      InvalidSplit        a split file that cannot be read, or that names shapes that are not there
      InvalidShape        a shape that holds no usable triangle mesh
"""

from __future__ import annotations


class DatasetError(Exception):
    """Root of the tree.

    Args:
        what: one sentence that names the input and the fault.
        remedy: what the user can do, if anything.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} ({remedy})" if remedy else what)
        self.what = what
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[DatasetError], tuple[str, str]]:
        # Errors cross process boundaries: rebuild from both arguments, not from the joined message.
        return type(self), (self.what, self.remedy)


class UnknownDataset(DatasetError):
    """No data set of that name, or an argument that the data set does not take."""


class DatasetUnavailable(DatasetError):
    """The data are not on this machine; the remedy says where they were looked for and how to get them."""


class InvalidSplit(DatasetError):
    """A split file that cannot be read, or that names shapes that the data set does not hold."""


class InvalidShape(DatasetError):
    """A shape that holds no usable triangle mesh: unreadable, empty, not finite, indices out of range."""
