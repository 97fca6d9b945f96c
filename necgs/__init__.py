"""NeCGS: neural compression for sets of 3D meshes.

Where to start: `necgs.codec` codes sets for the harness, ``python -m necgs`` codes files, `necgs.stages` has the
steps one by one, `necgs.settings` every knob. How it works, and the format byte by byte: ``docs/necgs.md``.
"""

import bench  # noqa: F401  (a checkout's folder datasets/ gets onto the path)
