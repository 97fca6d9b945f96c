"""The closest point of one triangle, for compiled loops."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@numba.njit(cache=True, inline="always")
def closest_on_triangle(p: Floats, a: Floats, b: Floats, c: Floats) -> tuple[float, float, float]:
    """Barycentric coordinates (of b, of c) of the point of a triangle that is nearest to p, and its squared distance.

    Ericson, Real-Time Collision Detection (2005), section 5.1.5.
    """
    x, y, z = np.float64(a[0]), np.float64(a[1]), np.float64(a[2])  # single precision is lost on slivers
    ux, uy, uz = b[0] - x, b[1] - y, b[2] - z
    vx, vy, vz = c[0] - x, c[1] - y, c[2] - z
    px, py, pz = p[0] - x, p[1] - y, p[2] - z
    d1, d2 = ux * px + uy * py + uz * pz, vx * px + vy * py + vz * pz
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    d3, d4, d5, d6 = d1 - uu, d2 - uv, d1 - uv, d2 - vv
    wa, wb, wc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    s, t = 0.0, 0.0
    if d1 <= 0 and d2 <= 0:
        pass
    elif d3 >= 0 and d4 <= d3:
        s = 1.0
    elif wc <= 0 and d1 >= 0 and d3 <= 0:
        s = d1 / (d1 - d3) if d1 > d3 else 0.0
    elif d6 >= 0 and d5 <= d6:
        t = 1.0
    elif wb <= 0 and d2 >= 0 and d6 <= 0:
        t = d2 / (d2 - d6) if d2 > d6 else 0.0
    elif wa <= 0 and d4 >= d3 and d5 >= d6:
        between = (d4 - d3) + (d5 - d6)
        t = (d4 - d3) / between if between > 0 else 0.0
        s = 1.0 - t
    else:
        total = wa + wb + wc
        if total > 0:
            s, t = wb / total, wc / total
    x, y, z = px - s * ux - t * vx, py - s * uy - t * vy, pz - s * uz - t * vz
    return s, t, x * x + y * y + z * z
