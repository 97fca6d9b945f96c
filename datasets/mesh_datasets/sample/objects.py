"""The sixteen objects of the sample: parts of robots and machines from the packages airo-models and pybullet."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

_AIRO_GRIPPERS = "airo_models/grippers"
_ROBOTIQ = f"{_AIRO_GRIPPERS}/robotiq_2f_85/meshes/visual"
_DIFFERENTIAL = "pybullet_data/differential"

OBJECTS = (
    ("gripper_adapter", f"{_AIRO_GRIPPERS}/fingertips/meshes/robotiq_adapter.obj"),
    ("magnetic_finger", f"{_AIRO_GRIPPERS}/fingertips/meshes/magneto_finger.obj"),
    ("circuit_cover", f"{_AIRO_GRIPPERS}/fingertips/originals/pcb_top_cover3.STL"),
    ("gripper_coupling", f"{_ROBOTIQ}/robotiq_gripper_coupling.stl"),
    ("inner_finger", f"{_ROBOTIQ}/robotiq_arg2f_85_inner_finger.obj"),
    ("outer_finger", f"{_ROBOTIQ}/robotiq_arg2f_85_outer_finger.obj"),
    ("knuckle", f"{_ROBOTIQ}/robotiq_arg2f_85_inner_knuckle.obj"),
    ("brick_housing", "airo_models/mobile_platforms/kelo_robile/meshes/wheeled_brick_housing.obj"),
    ("pinion", f"{_DIFFERENTIAL}/diff_pinion.stl"),
    ("side_gear", f"{_DIFFERENTIAL}/diff_side.stl"),
    ("spider_gear", f"{_DIFFERENTIAL}/diff_spider.stl"),
    ("carrier", f"{_DIFFERENTIAL}/diff_carrier.stl"),
    ("stand", f"{_DIFFERENTIAL}/diff_stand.stl"),
    ("arm_link", "pybullet_data/franka_panda/meshes/visual/link1.obj"),
    ("hip_joint", "pybullet_data/mini_cheetah/meshes/mini_abad.obj"),
    ("gripper_finger", "pybullet_data/xarm/xarm_gripper/meshes/left_finger.STL"),
)
"""Name and file, below the folder of the installed packages."""


def build_objects() -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Read the sixteen files; equal vertices are welded.

    Returns:
        (name, vertices float64 (v, 3) in source units, faces int64 (f, 3)) for each.
    """
    from mesh_datasets.mesh_files.reading import read_mesh

    built = []
    for index, (name, file) in enumerate(OBJECTS):
        mesh = read_mesh(_installed(file))
        built.append((f"object_{index:02d}_{name}", np.asarray(mesh.vertices), np.asarray(mesh.faces)))
    return built


def _installed(file: str) -> Path:
    """The path of a file that an installed package ships."""
    package, _, inside = file.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"package {package} is not installed; pip install 'necgs-bench[sample]'")
    return Path(spec.origin).parent / inside
