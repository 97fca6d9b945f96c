"""What a codec's warm-up takes out of the time of encoding."""

import subprocess
import sys

SCRIPT = """
import gc
import numba.core.dispatcher
import trimesh
from bench.codec import Context
from necgs.codec import NecgsCodec
from necgs.settings import NecgsRate
from necgs.stages import shape_volume, trained_set
from necgs.training.surface_blocks import SurfaceBlocks

def compiled():
    kernels = [one for one in gc.get_objects() if isinstance(one, numba.core.dispatcher.Dispatcher)]
    return {(one.py_func.__module__, one.py_func.__name__): len(one.signatures) for one in kernels}

NecgsCodec().warm_up()
before = compiled()
context = Context()
volume = shape_volume(trimesh.creation.capsule(radius=0.2), 24, 4, "direct", context)
rate = NecgsRate(resolution=24, epochs=2)
trained_set([SurfaceBlocks.of(volume, rate.spec())], rate, context)
after = compiled()
print(sum(name.startswith("necgs.training") and count > 0 for (name, _), count in before.items()))
print(sum(name.startswith("necgs.fit") and count > 0 for (name, _), count in before.items()))
print(sorted(name for name, count in after.items() if count > before.get(name, 0)))
"""


def test_no_kernel_of_fit_or_training_is_compiled_after_the_warm_up():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    trained, fitted, late = done.stdout.splitlines()
    assert int(trained) >= 10
    assert int(fitted) >= 8
    assert late == "[]"
