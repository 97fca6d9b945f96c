"""Arrays in a file (npz), read whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file by name.

    Raises:
        OSError: the file cannot be read.
        Exception: it is cut or altered: numpy's, zipfile's, zlib's, or of Python's tokenizer, which reads the headers
            of arrays.
    """
    import zipfile

    import numpy as np

    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        # numpy stops where an altered header says that an array ends, and then no checksum is compared.
        if stored.zip.testzip() is not None:
            raise zipfile.BadZipFile("a checksum does not fit")
        return {name: stored[name] for name in stored.files}
