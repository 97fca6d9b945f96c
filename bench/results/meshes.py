"""What a report asks of the meshes behind a run's rows; `bench.execution.stored_meshes` answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from bench.codec import UserError

if TYPE_CHECKING:
    from trimesh import Trimesh

    from bench.results.rows import SetRow, ShapeRow


class MeshesUnavailable(UserError):
    """A mesh that is neither stored nor can be made again here; says why."""

    exit_code = 3


class MeshSource(Protocol):
    """Finds the meshes of one run; both methods raise `MeshesUnavailable`."""

    @property
    def at_once(self) -> int:
        """Threads that may be in ``decoded`` at a time."""

    def reference(self, dataset: str, name: str) -> Trimesh:
        """The normalised reference ``name``, the same bits that the run saw."""

    def decoded(self, set_row: SetRow, shape_rows: Mapping[int, ShapeRow]) -> dict[int, Trimesh]:
        """Index -> decoded mesh of a job's ``shape_rows``, without the shapes that failed."""
