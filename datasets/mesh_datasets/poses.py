"""``poses:N``: one body of the sample in as many poses as one wants, all with the same faces.

A crude skeleton turns spine, arms and legs by seeded angles that grow smoothly along the limb, so that nothing tears.
It is there to see how a codec copes with many shapes of one face list; nobody would take it for motion capture. Pose
``i`` of seed ``s`` is always the same, whatever N is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mesh_datasets.file_shape import binary_ply_size
from mesh_datasets.shape_set import Shape, ShapeSet

if TYPE_CHECKING:
    import numpy as np
    from trimesh import Trimesh

    from mesh_datasets.loading import Request

MOST_POSES = 1_000_000
"""Poses of a set: its list takes about 1 KiB a pose before any is made."""

BODY = 6
"""Place in the sample of the body that stands with its arms held out."""


@dataclass(frozen=True)
class Joint:
    """What turns about where, in metres of the body: x to its left, y to its back, z up.

    Args:
        pivot: of the rotation.
        along: direction in which the angle grows, from none to the whole over ``reach`` behind the pivot.
        side: only vertices with this sign of x turn; 0: all.
        above: only vertices above this height turn, fading out over 0.1.
        largest: angles about x, y and z, in degrees, up to which the seed decides.
    """

    pivot: tuple[float, float, float]
    along: tuple[float, float, float]
    reach: float
    side: int
    above: float
    largest: tuple[float, float, float]


JOINTS = (
    *(Joint((0.17 * side, 0.0, 0.36), (side, 0.0, 0.0), 0.15, side, 0.1, (20, 50, 50)) for side in (1, -1)),
    *(Joint((0.15 * side, 0.0, -0.47), (0.0, 0.0, -1.0), 0.2, side, -9.0, (40, 0, 0)) for side in (1, -1)),
    *(Joint((0.12 * side, 0.0, 0.0), (0.0, 0.0, -1.0), 0.25, side, -9.0, (50, 15, 15)) for side in (1, -1)),
    Joint((0.0, 0.05, 0.5), (0.0, 0.0, 1.0), 0.15, 0, 0.4, (25, 15, 40)),
    Joint((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 0.4, 0, -9.0, (30, 15, 30)),
)
"""Arms, knees, hips, neck, spine: from the ends to the trunk, so that a limb goes with what carries it."""


def load_poses(request: Request) -> ShapeSet:
    """N poses of ``request.seed``. Source bytes are those of the mesh as a binary PLY file.

    Raises:
        UnknownDataset: N is missing or not a whole number from 1 to `MOST_POSES`.
    """
    request.refuse("split", "per_set")
    count = request.count(MOST_POSES, "poses")
    seed = request.seed
    shapes = tuple(
        Shape(
            name=f"pose_{index:06d}",
            category="human",
            stamp=f"poses/1|seed {seed}|{index}",
            loader=partial(make, seed, index),
            size=pose_bytes,
        )
        for index in range(count)
    )
    provenance = {"dataset": "poses", "selection": f"poses 0 to {count - 1}", "seed": seed}
    return ShapeSet(name="poses", spec=request.spec, shapes=shapes, provenance=provenance)


def make(seed: int, index: int) -> Trimesh:
    """Pose ``index``: float64 vertices in metres."""
    import numpy as np
    import trimesh

    from mesh_datasets.sample import unpack

    body = unpack(BODY)
    generator = np.random.default_rng([seed, index])
    vertices = np.array(body.vertices)
    weights = [_weight(joint, vertices) for joint in JOINTS]
    pivots = np.array([joint.pivot for joint in JOINTS])
    for number, (joint, weight) in enumerate(zip(JOINTS, weights, strict=True)):
        turn = np.radians(joint.largest) * generator.uniform(-1, 1, 3)
        vertices = pivots[number] + _turned(vertices - pivots[number], weight[:, None] * turn)
    return trimesh.Trimesh(vertices, np.array(body.faces), process=False)


def pose_bytes() -> int:
    """Size of any pose as a binary PLY file."""
    from mesh_datasets.sample import unpack

    body = unpack(BODY)
    return binary_ply_size(len(body.vertices), len(body.faces))


def _weight(joint: Joint, vertices: np.ndarray) -> np.ndarray:
    """Share of the joint's angle by which each vertex (v, 3) of the standing body turns: float64 (v,), in [0, 1]."""
    import numpy as np

    share = _smooth((vertices - np.array(joint.pivot)) @ np.array(joint.along) / joint.reach)
    share = share * _smooth((vertices[:, 2] - joint.above) / 0.1)
    if joint.side and joint.along[0] == 0:
        share = share * _smooth(0.5 + joint.side * vertices[:, 0] / 0.06)
    return np.asarray(share)


def _smooth(x: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1, with no slope at both ends."""
    inside = x.clip(0, 1)
    smooth: np.ndarray = inside * inside * (3 - 2 * inside)
    return smooth


def _turned(points: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Points (v, 3), each turned by its own rotation vector (v, 3), in radians (Rodrigues)."""
    import numpy as np

    angle = np.sqrt((turns**2).sum(1, keepdims=True))
    axis = turns / np.maximum(angle, 1e-12)
    along = (axis * points).sum(1, keepdims=True) * axis
    turned = along + np.cos(angle) * (points - along) + np.sin(angle) * np.cross(axis, points)
    return np.asarray(turned)
