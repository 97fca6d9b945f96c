"""The sixteen animals of the sample: the dog of ``dm_control``, posed through its joints, skinned by linear blending.

Axes of the model: x forward, y to the left, z up, metres. Angles are in degrees, from the rest pose; what lies outside
a joint's range is clipped to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Leg:
    """Angles of a leg.

    Args:
        swing: forward, of the whole leg.
        lift: flexion of the elbow or the knee.
        foot: flexion of the wrist or the ankle.
        spread: away from the body.
    """

    swing: float = 0.0
    lift: float = 0.0
    foot: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True)
class DogPose:
    """A pose: legs are fore left, fore right, hind left, hind right; ``back``, ``neck`` and ``tail`` are (up, to the
    left), each spread over its vertebrae; ``back`` moves the hind quarters against the chest.
    """

    name: str
    legs: tuple[Leg, Leg, Leg, Leg] = field(default_factory=lambda: (Leg(), Leg(), Leg(), Leg()))
    back: tuple[float, float] = (0.0, 0.0)
    neck: tuple[float, float] = (0.0, 0.0)
    tail: tuple[float, float] = (0.0, 0.0)
    jaw: float = 0.0


def _legs(*angles: tuple[float, ...]) -> tuple[Leg, Leg, Leg, Leg]:
    fore_left, fore_right, hind_left, hind_right = (Leg(*leg) for leg in angles)
    return fore_left, fore_right, hind_left, hind_right


DOGS = (
    DogPose("stand", tail=(20, 0)),
    DogPose("trot_a", _legs((32, 5), (-22, 40, 30), (-24, 10), (34, 20, 10)), tail=(25, 20)),
    DogPose("trot_b", _legs((-22, 40, 30), (32, 5), (34, 20, 10), (-24, 10)), neck=(10, 8), tail=(35, -25)),
    DogPose("walk", _legs((20,), (-18, 16, 10), (20, 8), (-18, 8)), neck=(-15, 0), tail=(-25, 15)),
    DogPose("gallop_reach", _legs((52, 0), (40, 8), (-48, 0), (-38, 6)), (30, 0), (25, 0), (50, 0)),
    DogPose("gallop_gather", _legs((-40, 45, 30), (-30, 35, 20), (70, 40, 10), (56, 34, 10)), (-70, 0), (-10, 0)),
    DogPose("sit", _legs((8,), (4,), (78, 96, 60), (74, 96, 60)), (-36, 0), (25, 0), (10, 35)),
    DogPose("bow", _legs((62, 30), (58, 26), (8, 6), (6, 6)), (28, 0), (40, 12), (70, 20), 14),
    DogPose("howl", _legs((4,), (-4,), (4,), (-6,)), (8, 0), (80, 0), (-30, 0), 18),
    DogPose("sniff", _legs((-10, 8), (18,), (8,), (-12,)), (0, 12), (-85, 12), (35, -20)),
    DogPose("look_left", _legs((6,), (-8,), (-6,), (8,)), (0, 30), (15, 90), (30, 40)),
    DogPose("look_right", _legs((12,), (-6, 8), (-12,), (12,)), (0, -40), (0, -95), (10, -60)),
    DogPose("paw", _legs((48, 60, 40), (-6,), (6,), (4,)), (0, 0), (20, -20), (20, 50), 8),
    DogPose("leg_up", _legs((0,), (8,), (30, 40, 0, 62), (-4,)), (0, -14), (10, 30), (55, 0)),
    DogPose("shake", _legs((4, 0, 0, 14), (6, 0, 0, 14), (0, 0, 0, 16), (4, 0, 0, 16)), (0, 18), (-20, -50), (0, 70)),
    DogPose("creep", _legs((34, 60), (6, 55, 20), (48, 66, 40), (30, 60, 40)), (-20, 0), (-45, 0), (-50, 0)),
)
"""Sixteen poses of one body."""


def build_dogs(seed: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Pose the dog sixteen times; every joint gets a seeded jitter of about one degree.

    Returns:
        (name, vertices float64 (v, 3) in metres, faces int64 (f, 3)) for each; all share the faces.
    """
    import mujoco
    from dm_control.suite import dog

    xml, assets = dog.get_model_and_assets(0.1, True)
    model = mujoco.MjModel.from_xml_string(xml.decode(), assets)
    data = mujoco.MjData(model)
    keep, faces = _welded_topology(model)
    rng = np.random.default_rng(seed)
    built = []
    for index, pose in enumerate(DOGS):
        mujoco.mj_resetData(model, data)
        for joint, angle in _joint_angles(pose, [model.joint(i).name for i in range(model.njnt)]):
            wanted = np.radians(angle + rng.normal(0.0, 1.0))
            data.qpos[model.joint(joint).qposadr] = np.clip(wanted, *model.joint(joint).range)
        mujoco.mj_kinematics(model, data)
        built.append((f"dog_{index:02d}_{pose.name}", _skinned(model, data)[keep], faces))
    return built


def _joint_angles(pose: DogPose, joints: list[str]) -> Iterator[tuple[str, float]]:
    """(joint, angle in degrees) for every joint that the pose moves. Signs are those of the model's joint axes."""
    for prefix, up_sign, (up, left) in (("L_", 1, pose.back), ("C_", -1, pose.neck), ("Ca_", 1, pose.tail)):
        for suffix, total in (("_extend", up_sign * up), ("_bend", left)):
            chain = [name for name in joints if name.startswith(prefix) and name.endswith(suffix)]
            yield from ((name, total / len(chain)) for name in chain)
    yield "atlas", 0.25 * max(pose.neck[0], 0.0)
    yield "mandible", pose.jaw
    for side, fore, hind in (("L", pose.legs[0], pose.legs[2]), ("R", pose.legs[1], pose.legs[3])):
        yield f"scapula_{side}_extend", -0.35 * fore.swing
        yield f"scapula_{side}_abduct", fore.spread
        yield f"shoulder_{side}_extend", -0.65 * fore.swing
        yield f"elbow_{side}", -fore.lift
        yield f"wrist_{side}", -fore.foot
        yield f"hip_{side}_extend", -hind.swing
        yield f"hip_{side}_abduct", hind.spread
        yield f"knee_{side}", -hind.lift
        yield f"ankle_{side}", -hind.foot


def _welded_topology(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """The skin repeats vertices along its texture seams: which to keep, and the faces over those."""
    _, keep, inverse = np.unique(model.skin_vert, axis=0, return_index=True, return_inverse=True)
    return keep, inverse.ravel()[model.skin_face].astype(np.int64)


def _skinned(model: Any, data: Any) -> np.ndarray:
    """Vertices of the skin in the pose of ``data``: the weighted mean of the rigid motions of its bones."""
    posed = np.zeros((model.nskinvert, 3))
    weights = np.zeros((model.nskinvert, 1))
    for bone in range(model.nskinbone):
        body = model.skin_bonebodyid[bone]
        bind = _matrix(model.skin_bonebindquat[bone])
        rotation = data.xmat[body].reshape(3, 3) @ bind.T
        start, count = model.skin_bonevertadr[bone], model.skin_bonevertnum[bone]
        index = model.skin_bonevertid[start : start + count]
        weight = model.skin_bonevertweight[start : start + count, None].astype(np.float64)
        moved = (model.skin_vert[index].astype(np.float64) - model.skin_bonebindpos[bone]) @ rotation.T
        posed[index] += weight * (moved + data.xpos[body])
        weights[index] += weight
    return np.asarray(posed / weights)


def _matrix(quaternion: np.ndarray) -> np.ndarray:
    """Rotation matrix of a quaternion (w, x, y, z)."""
    w, x, y, z = quaternion.astype(np.float64)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + 2.0 * w * cross + 2.0 * cross @ cross)
