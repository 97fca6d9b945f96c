"""What finds the visible faces of rendered fits on a GPU here, and what that costs: told before the first of them."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Mapping

TRIAL = """
from necgs.fit.raster.visibility import visibility_on
print(visibility_on("cuda").reason)
"""

CPU_MINUTES = 22
"""Of visible faces in a rendered fit of a shape with the published settings, measured on one CPU thread."""


@functools.cache
def no_nvdiffrast() -> str:
    """Why nvdiffrast cannot be used on the GPU here; empty where it can.

    Tried in a process of its own: this one may live for days and must not keep memory of the GPU.
    """
    if importlib.util.find_spec("nvdiffrast") is None:
        return "it is not installed"
    done = subprocess.run([sys.executable, "-c", TRIAL], capture_output=True, text=True, check=False)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1] if lines else ""


def visibility_here() -> str:
    """What a machine with a GPU uses, with what it costs where it is not nvdiffrast."""
    reason = no_nvdiffrast()
    if not reason:
        return "nvdiffrast"
    return f"on the CPU ({reason}), some {CPU_MINUTES} minutes a shape that is fitted by rendering; see docs/gpu.md"


def seconds_without_nvdiffrast(fit: str, shapes: int) -> Mapping[str, float]:
    """What is told of a run on a GPU: CPU seconds of visible faces in rendered fits; empty where nvdiffrast does it.

    Args:
        fit: of the rate; any but ``rendered`` needs no visible faces.
        shapes: to be fitted.
    """
    if fit != "rendered" or not (reason := no_nvdiffrast()):
        return {}
    from necgs.cost import seconds_of_visibility

    name = f"of the fit, visibility on the CPU, for nvdiffrast cannot be used: {reason}; see docs/gpu.md:"
    return {name: seconds_of_visibility() * shapes}
