"""Where data that are not part of this package are looked for.

An explicit data root is looked at alone. Without one the set's own variable (``AMA_ROOT``, ...) and the common folder
are, in that order; the common one is that which ``NECGS_BENCH_DATA`` names, else the one that ``bench fetch`` fills.
Below each, a folder named after the set is tried first, then the folder itself, so that one root can hold several sets.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.codec.user_folders import DATA_VARIABLE, data_folder, fetch_command
from mesh_datasets.catalog import DATASETS
from mesh_datasets.errors import DatasetUnavailable


@dataclass(frozen=True)
class Place:
    """Where one data set is looked for.

    Args:
        name: of the data set, as in the catalogue.
        folders: names of the folder that holds it under a common root; case does not count.
        holds: whether a folder has the layout of the set; must be quick.
        fallbacks: further folders, tried last and only when no data root is given.
    """

    name: str
    folders: tuple[str, ...]
    holds: Callable[[Path], bool]
    fallbacks: Callable[[], list[Path]] = list

    def candidates(self, data_root: Path | None) -> list[Path]:
        """The folders to try, in order."""
        if data_root is not None:
            return self._below(data_root)
        own = os.environ.get(DATASETS[self.name].environment)
        roots = [Path(own).expanduser()] if own else []
        roots.append(data_folder())
        return [folder for root in roots for folder in self._below(root)] + self.fallbacks()

    def find(self, data_root: Path | None) -> Path | None:
        """The first candidate that holds the set, or None."""
        for folder in self.candidates(data_root):
            try:
                if folder.is_dir() and self.holds(folder):
                    return folder
            except OSError:  # a folder that may not be read holds nothing for us
                continue
        return None

    def require(self, data_root: Path | None) -> Path:
        """The folder that holds the set.

        Raises:
            DatasetUnavailable: nowhere; says where was looked, for what, and how to get the data.
        """
        found = self.find(data_root)
        if found is not None:
            return found
        entry = DATASETS[self.name]
        tried = self.candidates(data_root)
        where = ", ".join(str(path) for path in tried)
        raise DatasetUnavailable(
            f"data set {self.name} was not found: looked in {where}, for {entry.layout}",
            f"type: {fetch_command(self.name)}; or get it yourself ({entry.origin}) and pass --data-root, or set "
            f"{entry.environment} or {DATA_VARIABLE}",
        )

    def _below(self, root: Path) -> list[Path]:
        wanted = [name.lower() for name in self.folders]
        try:
            inside = sorted(path for path in root.iterdir() if path.name.lower() in wanted and path.is_dir())
        except OSError:
            inside = []
        return [*inside, root]
