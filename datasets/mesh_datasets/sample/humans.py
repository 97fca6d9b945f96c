"""The sixteen humans of the sample: bodies of the package ``anny`` (MakeHuman data), one body and one pose each.

Axes of the model: x to the person's left, y to the back, z up, metres. Angles are in degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Rotation = np.ndarray  # (3, 3)
Angles = tuple[float, float, float]


@dataclass(frozen=True)
class Limb:
    """Angles of one leg or one arm.

    Args:
        flexion: forward.
        abduction: away from the body, from the rest pose.
        rotation: inward, about the limb.
        bend: of the knee or the elbow.
        end: of the ankle (toes up) or the wrist.
    """

    flexion: float = 0.0
    abduction: float = 0.0
    rotation: float = 0.0
    bend: float = 0.0
    end: float = 0.0


@dataclass(frozen=True)
class Pose:
    """A pose; ``spine`` and ``neck`` are (forward, to the left, twist to the left), ``fist`` curls the fingers."""

    name: str
    legs: tuple[Limb, Limb] = (Limb(), Limb())
    arms: tuple[Limb, Limb] = (Limb(), Limb())
    spine: Angles = (0.0, 0.0, 0.0)
    neck: Angles = (0.0, 0.0, 0.0)
    root: Angles = (0.0, 0.0, 0.0)
    fist: float = 0.0


@dataclass(frozen=True)
class Body:
    """Phenotype of a body, numbers in [0, 1]. ``age``: 0 is a baby, 1/3 a child, 2/3 a young adult, 1 is old."""

    gender: float
    age: float
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5

    def settings(self) -> dict[str, float]:
        """As the model takes them."""
        return dict(vars(self))


@dataclass(frozen=True)
class Human:
    """A body in a pose."""

    body: Body
    pose: Pose = field(default_factory=lambda: Pose("rest"))


def _both(limb: Limb) -> tuple[Limb, Limb]:
    return limb, limb


HUMANS = (
    Human(
        Body(0.1, 0.65, 0.6, 0.4, 0.6),
        Pose(
            "walk",
            (Limb(28, 2, 0, 12, 8), Limb(-18, 2, 0, 28, -10)),
            (Limb(-24, -32, 0, 12), Limb(28, -32, 0, 24)),
            (3, 0, -8),
        ),
    ),
    Human(
        Body(0.9, 0.6, 0.8, 0.45, 0.7),
        Pose(
            "run",
            (Limb(62, 2, 0, 78, 12), Limb(-22, 2, 0, 48, -25)),
            (Limb(-48, -28, 0, 70), Limb(46, -28, 0, 72)),
            (16, 0, 12),
            (-10, 0, -8),
            fist=0.7,
        ),
    ),
    Human(
        Body(0.05, 0.62, 0.7, 0.35, 0.55),
        Pose("squat", _both(Limb(98, 16, 0, 112, 26)), _both(Limb(72, -22, 0, 8)), (28, 0, 0), (-18, 0, 0)),
    ),
    Human(
        Body(1.0, 0.9, 0.3, 0.85, 0.5, 0.3),
        Pose("sit", _both(Limb(86, 8, 0, 84, 0)), _both(Limb(34, -30, 0, 52)), (6, 0, 0), (8, 6, 12)),
    ),
    Human(
        Body(0.2, 0.35, 0.5, 0.45, 0.4),
        Pose(
            "wave",
            (Limb(2, 4, 0, 4), Limb(-4, 4, 0, 6)),
            (Limb(6, -30, 0, 10), Limb(0, 82, 0, 46)),
            (0, 6, 4),
            (0, -8, -10),
        ),
    ),
    Human(
        Body(0.1, 0.66, 1.0, 0.55, 0.95, 0.9),
        Pose("star jump", _both(Limb(4, 34, 0, 8, -30)), _both(Limb(0, 78, 0, 6)), (-6, 0, 0), (-12, 0, 0)),
    ),
    Human(
        Body(0.5, 0.7, 0.35, 1.0, 0.45, 0.2),
        Pose("T", _both(Limb(0, 2)), _both(Limb(0, 42)), (0, 0, 0)),
    ),
    Human(
        Body(0.0, 0.68, 0.55, 0.3, 0.75),
        Pose(
            "lunge",
            (Limb(82, 4, 0, 84, 4), Limb(-22, 4, 0, 56, -20)),
            (Limb(10, 44, 0, 6), Limb(10, 44, 0, 6)),
            (0, 0, 22),
            (0, 0, 30),
        ),
    ),
    Human(
        Body(0.85, 0.58, 0.75, 0.4, 0.65),
        Pose(
            "kick",
            (Limb(-4, 4, 0, 14, 4), Limb(88, 10, 0, 10, -30)),
            (Limb(44, -10, 0, 60), Limb(-20, 10, 0, 40)),
            (-12, 6, 14),
            (10, 0, 0),
            fist=0.9,
        ),
    ),
    Human(
        Body(0.15, 0.95, 0.3, 0.4, 0.35),
        Pose(
            "stoop",
            (Limb(18, 4, 0, 24, 6), Limb(10, 4, 0, 20, 8)),
            (Limb(58, -26, 0, 30), Limb(20, -32, 0, 20)),
            (42, 0, 0),
            (-24, 0, 0),
            fist=0.5,
        ),
    ),
    Human(
        Body(0.8, 0.16, 0.5, 0.5, 0.5),
        Pose(
            "crawl",
            (Limb(92, 6, 0, 88, -20), Limb(62, 6, 0, 96, -20)),
            (Limb(88, -26, 0, 8, 60), Limb(64, -26, 0, 14, 60)),
            (0, 0, 0),
            (-46, 0, 0),
            (82, 0, 0),
        ),
    ),
    Human(
        Body(1.0, 0.6, 0.45, 0.05, 0.75, 0.8),
        Pose(
            "arabesque",
            (Limb(4, 2, 0, 2), Limb(-48, 8, 0, 8, -35)),
            (Limb(74, 8, 0, 10), Limb(-12, 46, 0, 8)),
            (30, 0, 6),
            (-36, 0, 0),
        ),
    ),
    Human(
        Body(0.6, 0.45, 0.5, 0.6, 0.5),
        Pose(
            "throw",
            (Limb(34, 8, 0, 26, 4), Limb(-14, 10, 0, 22, -8)),
            (Limb(60, 6, 0, 20), Limb(-34, 48, 0, 92)),
            (-14, -8, -26),
            (6, 0, 24),
            fist=0.8,
        ),
    ),
    Human(
        Body(0.6, 0.8, 0.2, 0.75, 0.2, 0.4),
        Pose(
            "reach",
            (Limb(6, 4, 0, 8, -18), Limb(2, 4, 0, 4, -18)),
            (Limb(150, -14, 0, 10), Limb(124, -18, 0, 22)),
            (-10, 6, 0),
            (-22, 0, 0),
        ),
    ),
    Human(
        Body(0.0, 0.64, 1.0, 0.9, 0.6, 0.6),
        Pose(
            "box",
            (Limb(24, 10, 0, 30, 6), Limb(-10, 14, 0, 26, -4)),
            (Limb(78, -20, 0, 12), Limb(30, -24, 0, 112)),
            (12, 0, -22),
            (4, 0, 18),
            fist=1.0,
        ),
    ),
    Human(
        Body(0.0, 0.06, 0.45, 0.6, 0.5),
        Pose("toddle", (Limb(26, 10, 0, 24, 6), Limb(-4, 10, 0, 8)), _both(Limb(36, 22, 0, 40)), (6, 0, 0), (-6, 8, 0)),
    ),
)
"""Sixteen bodies, from a small child to old age, in sixteen poses."""


def build_humans(seed: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Pose the sixteen bodies; every angle gets a seeded jitter of about two degrees.

    Returns:
        (name, vertices float64 (v, 3) in metres, faces int64 (f, 3)) for each; all share the faces.
    """
    import anny
    import torch

    model = anny.Anny(topology="notoes")
    rest = model()
    heads = dict(zip(model.bone_labels, rest["bone_poses"][0, :, :3, 3].double().numpy(), strict=True))
    faces = model.faces.numpy().astype(np.int64)
    rng = np.random.default_rng(seed)
    built = []
    for index, human in enumerate(HUMANS):
        transforms = torch.eye(4).repeat(1, len(model.bone_labels), 1, 1)
        for bone, rotation in _rotations(human.pose, heads, model.bone_labels, rng).items():
            transforms[0, model.bone_labels.index(bone), :3, :3] = torch.from_numpy(rotation).float()
        with torch.no_grad():
            out = model(transforms, phenotype_kwargs=human.body.settings(), pose_parameterization="local-ref")
        vertices = out["vertices"][0].double().numpy()
        built.append((f"human_{index:02d}_{human.pose.name.replace(' ', '_')}", vertices, faces))
    return built


def _rotations(
    pose: Pose, heads: dict[str, np.ndarray], bones: list[str], rng: np.random.Generator
) -> dict[str, Rotation]:
    """Rotation of each moved bone, about the axes of the rest pose."""

    def jitter(angle: float) -> float:
        return angle + float(rng.normal(0.0, 2.0))

    turns: dict[str, Rotation] = {"root": _turn(*pose.root)}
    for names, angles in (
        (("spine05", "spine04", "spine03", "spine02", "spine01"), pose.spine),
        (("neck01", "neck02", "neck03", "head"), pose.neck),
    ):
        share = [jitter(angle) / len(names) for angle in angles]
        turns |= {name: _turn(share[0], share[1], share[2]) for name in names}
    for side, sign, leg, arm in (("L", 1.0, pose.legs[0], pose.arms[0]), ("R", -1.0, pose.legs[1], pose.arms[1])):
        turns[f"upperleg01.{side}"] = _limb(leg, sign, np.array([0.0, 0.0, -1.0]), jitter)
        turns[f"lowerleg01.{side}"] = _about(np.array([1.0, 0.0, 0.0]), jitter(leg.bend))
        turns[f"foot.{side}"] = _about(np.array([-1.0, 0.0, 0.0]), leg.end)
        shoulder, elbow, wrist = (heads[f"{bone}.{side}"] for bone in ("upperarm01", "lowerarm01", "wrist"))
        hinge = np.cross(elbow - shoulder, wrist - elbow)
        turns[f"upperarm01.{side}"] = _limb(arm, sign, elbow - shoulder, jitter)
        turns[f"lowerarm01.{side}"] = _about(hinge, jitter(arm.bend))
        turns[f"wrist.{side}"] = _about(hinge, -arm.end)
        for bone in bones:
            if bone.startswith(("finger2", "finger3", "finger4", "finger5")) and bone.endswith(side):
                turns[bone] = _about(np.array([0.0, sign, 0.0]), 70.0 * pose.fist)
    return turns


def _limb(limb: Limb, sign: float, along: np.ndarray, jitter: Any) -> Rotation:
    """Rotate about the limb, then away from the body, then forward."""
    away = _about(np.array([0.0, -sign, 0.0]), jitter(limb.abduction))
    forward = _about(np.array([-1.0, 0.0, 0.0]), jitter(limb.flexion))
    return np.asarray(forward @ away @ _about(sign * along, limb.rotation))


def _turn(forward: float, left: float, twist: float) -> Rotation:
    """Bend forward (about x), to the left (about y), twist to the left (about z)."""
    axes = np.eye(3)
    return np.asarray(_about(axes[2], twist) @ _about(axes[1], left) @ _about(axes[0], forward))


def _about(axis: np.ndarray, degrees: float) -> Rotation:
    """Rotation matrix about ``axis`` (Rodrigues)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = math.radians(degrees)
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross)
