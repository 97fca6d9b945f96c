"""Families of machine parts, each a function of a random generator. Lengths are in millimetres.

Each returns a manifold3d solid; booleans of manifold3d keep solids closed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

Solid = Any
Random = np.random.Generator

_ROUND = 96
"""Segments of a large circle; holes have fewer."""


def gear(random: Random) -> Solid:
    """A spur or helical gear with a hub, a bore and, when there is room, lightening holes."""
    teeth, module = int(random.integers(14, 40)), random.uniform(1.0, 3.0)
    pitch, width = teeth * module / 2, random.uniform(4.0, 14.0)
    tooth = [(0.0, -1.25), (0.18, -1.25), (0.28, 0.0), (0.38, 1.0), (0.62, 1.0), (0.72, 0.0), (0.82, -1.25)]
    outline = []
    for turn in range(teeth):
        for share, rise in tooth:
            angle, radius = 2 * math.pi * (turn + share) / teeth, pitch + module * rise
            outline.append((radius * math.cos(angle), radius * math.sin(angle)))
    twist = random.choice([0.0, random.uniform(-25.0, 25.0)])
    wheel = _section(outline).extrude(width, 12 if twist else 3, float(twist))
    hub = pitch * random.uniform(0.3, 0.45)
    bore = hub * random.uniform(0.4, 0.7)
    wheel += _rod(hub, width * random.uniform(1.2, 1.8))
    wheel -= _rod(bore, 4 * width, -width)
    room = pitch - 1.5 * module - hub
    if room > 3.0:
        wheel -= _ring_of_rods(int(random.integers(3, 8)), hub + room / 2, room * 0.32, width)
    return wheel


def flange(random: Random) -> Solid:
    """A pipe flange: disc, neck, bore, bolt circle, and a raised face."""
    radius, thick = random.uniform(30.0, 80.0), random.uniform(6.0, 14.0)
    neck = radius * random.uniform(0.4, 0.55)
    bore = neck * random.uniform(0.6, 0.85)
    solid = _rod(radius, thick) + _rod(neck, thick * random.uniform(2.0, 4.0))
    solid += _rod((neck + radius) / 2 * 0.9, thick + 2.0)
    solid -= _ring_of_rods(int(random.integers(4, 12)), (neck + radius) / 2 * 1.02, radius * 0.07, thick + 2.0)
    return solid - _rod(bore, 10 * thick, -thick)


def bracket(random: Random) -> Solid:
    """An angle bracket with a gusset, bolt holes and a slot."""
    length, width, height = random.uniform(40, 90), random.uniform(25, 60), random.uniform(35, 80)
    thick = random.uniform(4.0, 8.0)
    solid = _box(length, width, thick) + _box(thick, width, height)
    rib = _section([(thick / 2, thick / 2), (length * 0.7, thick / 2), (thick / 2, height * 0.8)])
    solid += rib.extrude(thick).rotate((90.0, 0.0, 0.0)).translate((0.0, width / 2 + thick / 2, 0.0))
    hole = random.uniform(2.0, 4.0)
    for share in (0.2, 0.8):
        solid -= _rod(hole, 4 * thick, -thick, 48).translate((length * 0.8, width * share, 0.0))
        pin = _rod(hole, 4 * thick, -2 * thick, 48).rotate((0.0, 90.0, 0.0))
        solid -= pin.translate((0.0, width * share, height * 0.75))
    slot = [_rod(hole, 4 * thick, -thick, 48).translate((length * at, width * 0.2, 0.0)) for at in (0.35, 0.55)]
    return solid - (slot[0] + slot[1]).hull()


def shaft(random: Random) -> Solid:
    """A stepped shaft with a chamfer at each step, a keyway and a centre hole."""
    steps = int(random.integers(3, 7))
    outline = [(0.0, 0.0)]
    at = 0.0
    for _ in range(steps):
        radius, run = random.uniform(6.0, 18.0), random.uniform(10.0, 35.0)
        outline += [(radius - 0.8, at), (radius, at + 0.8), (radius, at + run - 0.8), (radius - 0.8, at + run)]
        at += run
    outline.append((0.0, at))
    solid = _section(outline).revolve(_ROUND)
    key = _box(3.0, 40.0, random.uniform(12.0, 24.0)).translate((-1.5, 4.5, at * random.uniform(0.1, 0.6)))
    return solid - key - _rod(2.0, 12.0, at - 10.0, 48)


def pulley(random: Random) -> Solid:
    """A grooved pulley with spokes and a bore."""
    radius, width, depth = random.uniform(25.0, 60.0), random.uniform(8.0, 20.0), random.uniform(4.0, 8.0)
    inner, bore = radius - depth - random.uniform(4.0, 7.0), random.uniform(3.0, 6.0)
    rim = _section(
        [(inner, 0), (radius, 0), (radius, width * 0.15), (radius - depth, width / 2), (radius, width * 0.85),
         (radius, width), (inner, width)]
    ).revolve(_ROUND)  # fmt: skip
    hub = _rod(bore * 2.2, width)
    spokes = int(random.integers(3, 9))
    for index in range(spokes):
        bar = _box(inner + 1.0, width * 0.5, width * 0.5).translate((0.0, -width * 0.25, width * 0.25))
        hub += bar.rotate((0.0, 0.0, 360.0 * index / spokes))
    return rim + hub - _rod(bore, 3 * width, -width)


def housing(random: Random) -> Solid:
    """An open box with a wall, screw posts, ventilation slots and a cable hole."""
    x, y, z, wall = random.uniform(40, 90), random.uniform(40, 90), random.uniform(20, 50), random.uniform(2.0, 4.0)
    solid = _rounded_box(x, y, z, 5.0) - _rounded_box(x - 2 * wall, y - 2 * wall, z, 3.0).translate((wall, wall, wall))
    for px in (7.0, x - 7.0):
        for py in (7.0, y - 7.0):
            post = _rod(4.0, z - wall, wall / 2, 48) - _rod(1.6, z, z / 2, 48)
            solid += post.translate((px, py, 0.0))
    slots = int(random.integers(3, 9))
    for index in range(slots):
        at = x * 0.2 + x * 0.6 * index / (slots - 1)
        solid -= _box(1.6, 4 * wall, z * 0.4).translate((at, -2 * wall, z * 0.3))
    cable = _rod(random.uniform(3.0, 6.0), 4 * wall, -2 * wall, 48).rotate((0.0, 90.0, 0.0))
    return solid - cable.translate((x, y / 2, z / 2))


def pipe(random: Random) -> Solid:
    """A pipe bend between two collars."""
    tube, bend, angle = random.uniform(6.0, 14.0), random.uniform(25.0, 60.0), random.uniform(40.0, 180.0)
    wall = tube * random.uniform(0.12, 0.25)

    def run(radius: float, from_angle: float, to_angle: float) -> Solid:
        circle = _disc(radius).translate((bend, 0.0))
        return circle.revolve(64, to_angle - from_angle).rotate((0.0, 0.0, from_angle))

    collar = float(np.degrees(tube * 0.6 / bend))
    solid = run(tube, 0.0, angle) + run(tube * 1.35, 0.0, collar) + run(tube * 1.35, angle - collar, angle)
    return solid - run(tube - wall, -1.0, angle + 1.0)


def bolt(random: Random) -> Solid:
    """A hexagon bolt, with or without a socket, with grooves for a thread."""
    radius, length = random.uniform(4.0, 10.0), random.uniform(25.0, 70.0)
    head = _rod(radius * 1.8, radius * 1.3, 0.0, 6) ^ _dome(radius * 2.1, radius * 1.3)
    if random.random() < 0.5:
        head -= _rod(radius * 0.7, radius, radius * 0.7, 6)
    grooves = max(3, int(length * 0.6 / (radius * random.uniform(0.3, 0.5))))
    pitch = length * 0.6 / grooves
    outline = [(0.0, 0.0)]
    for groove in range(grooves):
        outline += [(radius * 0.85, groove * pitch), (radius, (groove + 0.5) * pitch)]
    threaded = _section([*outline, (radius * 0.85, length * 0.6), (0.0, length * 0.6)]).revolve(_ROUND)
    return head + (threaded + _rod(radius, length * 0.45, length * 0.58)).translate((0.0, 0.0, -length))


FAMILIES = MappingProxyType[str, Callable[[Random], Solid]](
    {
        "gear": gear,
        "flange": flange,
        "bracket": bracket,
        "shaft": shaft,
        "pulley": pulley,
        "housing": housing,
        "pipe": pipe,
        "bolt": bolt,
    }
)
"""Name -> maker, in the order in which parts take turns."""


def _section(points: list[tuple[float, float]]) -> Any:
    """The inside of a closed outline, whichever way it turns."""
    from manifold3d import CrossSection, FillRule

    return CrossSection([np.array(points, dtype=np.float64)], FillRule.EvenOdd)


def _disc(radius: float) -> Any:
    from manifold3d import CrossSection

    return CrossSection.circle(radius, 48)


def _rod(radius: float, height: float, base: float = 0.0, segments: int = _ROUND) -> Solid:
    """A cylinder about the z axis from ``base`` upwards."""
    from manifold3d import Manifold

    return Manifold.cylinder(height, radius, radius, segments).translate((0.0, 0.0, base))


def _box(x: float, y: float, z: float) -> Solid:
    from manifold3d import Manifold

    return Manifold.cube((x, y, z))


def _rounded_box(x: float, y: float, z: float, corner: float) -> Solid:
    """A box with rounded upright edges."""
    posts = _rod(corner, z, 0.0, 48).translate((corner, corner, 0.0))
    for px, py in ((x - corner, corner), (corner, y - corner), (x - corner, y - corner)):
        posts += _rod(corner, z, 0.0, 48).translate((px, py, 0.0))
    return posts.hull()


def _dome(radius: float, height: float) -> Solid:
    """A cone that chamfers the upper edge of a bolt's head."""
    from manifold3d import Manifold

    return Manifold.cylinder(height, radius, radius * 0.82, _ROUND)


def _ring_of_rods(count: int, radius: float, thick: float, height: float) -> Solid:
    """Rods on a circle, for holes: from below z = 0 to above ``height``."""
    rods = [_rod(thick, 3 * height, -height, 48).translate((radius, 0.0, 0.0)) for _ in range(count)]
    ring = rods[0]
    for index in range(1, count):
        ring += rods[index].rotate((0.0, 0.0, 360.0 * index / count))
    return ring
