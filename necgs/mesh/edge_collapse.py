"""Edge collapse of several shapes with one face list: the cheapest edge first, until so many faces are left.

The cost of an edge is the sum over the shapes, each with its vertex at its own best place; so the shapes keep one face
list, and no shape takes another's form. A collapse never changes the topology (`keeps_topology`). A mesh that equals
its own image by a half turn can be kept so: an edge collapses together with its image.
"""

from __future__ import annotations

import heapq

import numba
import numpy as np

from necgs.mesh.collapse_state import CollapseState, start_state, used_vertices
from necgs.mesh.link_condition import keeps_topology
from necgs.mesh.quadrics import best_places

# A collapse that turns a triangle of some shape by more than this, or makes it this thin, is put off ...
_LEAST_COSINE = 0.2
_LEAST_HEIGHT = 0.002  # of a triangle over its longest edge, as a share of that edge
# ... so often, each time at a higher cost; then it is done.
_DELAYS = 3
_DELAY_FACTOR = 4.0


@numba.njit(cache=True)
def collapse_edges(
    positions: np.ndarray,
    faces: np.ndarray,
    quadrics: np.ndarray,
    targets: np.ndarray,
    images: np.ndarray,
    signs: np.ndarray,
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Collapse edges; look at the meshes with at most ``targets`` faces on the way.

    Args:
        positions: float64 (v, n, 3).
        faces: int64 (f, 3).
        quadrics: float64 (v, n, 10), see `vertex_quadrics`.
        targets: int64 (t,), falling.
        images: int64 (v,), the vertex that each is turned to; empty: nothing is kept symmetric.
        signs: float64 (3,), what the turn multiplies coordinates by.

    Returns:
        For each target the faces int64 (f', 3), the vertices that these use, int64 (v',), rising, and their positions
        float64 (v', n, 3). Where the topology allows no further collapse, a mesh has more faces than its target.
    """
    state = start_state(positions, faces, quadrics)
    places = np.zeros((positions.shape[1], 3))
    heap = [(0.0, 0, 0, 0, 0, 0)]
    heap.pop()
    out_faces, out_used, out_positions = [faces], [faces[0]], [positions]
    left, before, at = len(faces), -1, 0
    while at < len(targets):
        if left <= targets[at] or (len(heap) == 0 and left == before):
            used = used_vertices(state)
            out_faces.append(state.faces[state.alive])
            out_used.append(used)
            out_positions.append(state.positions[used])
            at += 1
        elif len(heap) == 0:
            before = left
            for a in range(len(positions)):
                if state.stamp[a] >= 0:
                    _push(state, heap, places, a, True)
        else:
            left -= _try(state, heap, places, images, signs)
    return out_faces[1:], out_used[1:], out_positions[1:]


@numba.njit(cache=True)
def _try(
    state: CollapseState,
    heap: list[tuple[float, int, int, int, int, int]],
    places: np.ndarray,
    images: np.ndarray,
    signs: np.ndarray,
) -> int:
    """Take the cheapest edge and collapse it if that is allowed now; returns how many faces vanish."""
    cost, a, b, stamp_a, stamp_b, delays = heapq.heappop(heap)
    if state.stamp[a] != stamp_a or state.stamp[b] != stamp_b or not keeps_topology(state, a, b):
        return 0
    if len(images) > 0 and (_meets(state, a, images[a], images[b]) or _meets(state, b, images[a], images[b])):
        return 0
    best_places(state.quadrics, state.positions, a, b, places)
    bad = _spoilt(state, a, b, places) + _spoilt(state, b, a, places)
    if bad > 0 and delays < _DELAYS:
        delayed = (cost + 1e-12) * (1 + _DELAY_FACTOR * min(1.0, 2.0 * bad / len(places)))
        heapq.heappush(heap, (delayed, a, b, stamp_a, stamp_b, delays + 1))
        return 0
    removed = _merge(state, a, b, places)
    _push(state, heap, places, a, False)
    if len(images) > 0:
        removed += _merge(state, images[a], images[b], state.positions[a] * signs)
        _push(state, heap, places, images[a], False)
    return removed


@numba.njit(cache=True)
def _meets(state: CollapseState, a: int, c: int, d: int) -> bool:
    """Whether a is c or d, or has a face with one of them; else a collapse at a leaves the faces of c and d alone."""
    if a in (c, d):
        return True
    corner = state.first[a]
    while corner >= 0:
        if state.alive[corner // 3]:
            for step in (1, 2):
                if state.faces[corner // 3, (corner + step) % 3] in (c, d):
                    return True
        corner = state.after[corner]
    return False


@numba.njit(cache=True)
def _spoilt(state: CollapseState, a: int, b: int, places: np.ndarray) -> int:
    """How many triangles of a, not of b, turn over or become slivers when a moves to ``places``, in all shapes."""
    bad = 0
    corner = state.first[a]
    while corner >= 0:
        if state.alive[corner // 3]:
            p, q = state.faces[corner // 3, (corner + 1) % 3], state.faces[corner // 3, (corner + 2) % 3]
            if b not in (p, q):
                for i in range(len(places)):
                    if _spoils(state.positions[p, i], state.positions[q, i], state.positions[a, i], places[i]):
                        bad += 1
        corner = state.after[corner]
    return bad


@numba.njit(cache=True)
def _spoils(p: np.ndarray, q: np.ndarray, before: np.ndarray, place: np.ndarray) -> bool:
    ex, ey, ez = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    ux, uy, uz = before[0] - p[0], before[1] - p[1], before[2] - p[2]
    wx, wy, wz = place[0] - p[0], place[1] - p[1], place[2] - p[2]
    nx, ny, nz = ey * uz - ez * uy, ez * ux - ex * uz, ex * uy - ey * ux
    mx, my, mz = ey * wz - ez * wy, ez * wx - ex * wz, ex * wy - ey * wx
    n2, m2 = nx * nx + ny * ny + nz * nz, mx * mx + my * my + mz * mz
    if nx * mx + ny * my + nz * mz < _LEAST_COSINE * np.sqrt(n2 * m2):
        return True
    e2 = ex * ex + ey * ey + ez * ez
    longest = max(e2, wx * wx + wy * wy + wz * wz)
    if m2 >= (_LEAST_HEIGHT * longest) ** 2:
        return False
    old = max(e2, ux * ux + uy * uy + uz * uz)
    return bool(m2 * old * old < n2 * longest * longest)


@numba.njit(cache=True)
def _merge(state: CollapseState, a: int, b: int, places: np.ndarray) -> int:
    """Put b's corners into a's list; returns how many faces vanish."""
    removed = 0
    state.positions[a] = places
    state.quadrics[a] += state.quadrics[b]
    corner = state.first[b]
    while corner >= 0:
        f = corner // 3
        if state.alive[f]:
            if state.faces[f, 0] == a or state.faces[f, 1] == a or state.faces[f, 2] == a:
                state.alive[f] = False
                removed += 1
            else:
                state.faces[f, corner % 3] = a
        corner = state.after[corner]
    state.after[state.last[a]] = state.first[b]
    state.last[a] = state.last[b]
    state.stamp[a] += 1
    state.stamp[b] = -1
    _prune(state, a)
    return removed


@numba.njit(cache=True)
def _prune(state: CollapseState, a: int) -> None:
    """Take the corners of vanished faces out of a vertex's list."""
    corner, before = state.first[a], -1
    state.first[a] = -1
    while corner >= 0:
        if state.alive[corner // 3]:
            if before < 0:
                state.first[a] = corner
            else:
                state.after[before] = corner
            before = corner
        corner = state.after[corner]
    state.last[a] = before
    if before >= 0:
        state.after[before] = -1


@numba.njit(cache=True)
def _push(
    state: CollapseState, heap: list[tuple[float, int, int, int, int, int]], places: np.ndarray, a: int, up: bool
) -> None:
    """Put the edges of a vertex on the heap; with ``up`` only those to vertices of higher number."""
    state.check[0] += 1
    check = state.check[0]
    corner = state.first[a]
    while corner >= 0:
        if state.alive[corner // 3]:
            for step in (1, 2):
                v = state.faces[corner // 3, (corner + step) % 3]
                if state.seen[v, 0] != check and not (up and v < a):
                    state.seen[v, 0] = check
                    x, y = min(a, v), max(a, v)
                    cost = best_places(state.quadrics, state.positions, x, y, places)
                    heapq.heappush(heap, (cost, x, y, state.stamp[x], state.stamp[y], 0))
        corner = state.after[corner]
