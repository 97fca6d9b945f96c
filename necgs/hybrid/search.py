"""Codes a set as meshes, and those shapes as volumes for which that costs less distortion and bytes together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from bench.codec import Archive, Context, EncodeFailed, SetCodec
from bench.codec.context import Failure, is_out_of_memory
from necgs.codec import NecgsCodec
from necgs.hybrid.choice import Costs, choose
from necgs.hybrid.forecast import LEAST_DECODER, MARGIN, Forecast, forecast
from necgs.hybrid.parts import joined
from necgs.hybrid.rate import HybridRate
from necgs.hybrid.surface_error import surface_error
from necgs.mesh.stream import decode_shared, group_of
from necgs.mesh_codec import MeshSet

if TYPE_CHECKING:
    from trimesh import Trimesh

MESH, VOLUME = "mesh", "volume"


@dataclass(frozen=True)
class Coded:
    """Some shapes of a set in one mode.

    Args:
        shapes: their numbers in the set, rising.
        archive: of these shapes alone.
        spent: of each shape, bytes of its own part and mean surface error in 1e-3.
    """

    shapes: tuple[int, ...]
    archive: Archive
    spent: Mapping[int, Forecast]

    def cost(self, price: float) -> float:
        """D + lambda R of all of it."""
        return sum(one.error for one in self.spent.values()) + price * self.archive.nbytes


def encode(meshes: Sequence[Trimesh], rate: HybridRate, context: Context) -> Archive:
    """The archive of a set; ``context.modes`` says which mode each shape has.

    All shapes are coded as meshes. Those that might cost less as volumes are coded so, too; those for which it is true
    once more without the others, until none leaves. The result is taken if it costs less than meshes alone.
    """
    alone = _coded(MeshSet(), rate.mesh(), meshes, range(len(meshes)), context)
    context.failures.update(alone.failures)
    chosen = _with_volumes(meshes, alone.coded, rate, context)
    is_volume: list[bool | None] = [None] * len(meshes)
    for one, mode in zip(chosen, (False, True), strict=True):
        for shape in one.shapes if one else ():
            is_volume[shape] = mode
            context.modes[shape] = VOLUME if mode else MESH
    context.notes["modes"] = f"{is_volume.count(False)} {MESH}, {is_volume.count(True)} {VOLUME}"
    as_meshes, as_volumes = (one.archive if one and one.shapes else None for one in chosen)
    return joined(as_meshes, as_volumes, is_volume)


Chosen = tuple[Coded, Coded | None]
"""The shapes that are meshes, and those that are volumes, if any."""


def _with_volumes(meshes: Sequence[Trimesh], alone: Coded, rate: HybridRate, context: Context) -> Chosen:
    """Which shapes of ``alone`` are volumes in the end; none, unless that costs less than ``alone``."""
    with context.phase("choose"):
        wanted = _candidates(meshes, alone, rate)
    context.notes["volumes"] = "ruled out by the forecast"
    trained = len(wanted)
    while wanted:
        context.check_deadline()
        try:
            volumes = _coded(NecgsCodec(), rate.volume(), meshes, wanted, context).coded
        except Exception as error:
            if not isinstance(error, EncodeFailed) and not is_out_of_memory(error):
                raise
            context.notes["volumes"] = f"not to be had: {error}"
            break
        kept = _best(alone, volumes.spent, len(volumes.archive.shared), rate.byte_price)
        if kept == wanted:
            rest = [shape for shape in alone.shapes if shape not in kept]
            others = _coded(MeshSet(), rate.mesh(), meshes, rest, context).coded
            less = others.cost(rate.byte_price) + volumes.cost(rate.byte_price) < alone.cost(rate.byte_price)
            if less and list(others.shapes) == rest:
                context.notes["volumes"] = f"trained for {trained}, kept for {len(kept)}"
                return others, volumes
            kept = ()
        wanted = kept
        context.notes["volumes"] = f"trained for {trained}, kept for none"
    return alone, None


def _candidates(meshes: Sequence[Trimesh], alone: Coded, rate: HybridRate) -> tuple[int, ...]:
    """The shapes for which volumes are trained: all, or those that the forecast does not rule out."""
    if rate.volumes == "try":
        return alone.shapes
    foretold = {shape: forecast(meshes[shape], rate.volume()) for shape in alone.shapes}
    hoped = {shape: Forecast(MARGIN * one.nbytes, MARGIN * one.error) for shape, one in foretold.items()}
    return _best(alone, hoped, LEAST_DECODER, rate.byte_price)


def _best(alone: Coded, volumes: Mapping[int, Forecast], decoder: float, price: float) -> tuple[int, ...]:
    """The shapes that are best volumes, for given bytes and errors of these; a shape without them is a mesh."""

    def cost(one: Forecast | None) -> float:
        return inf if one is None else one.error + price * one.nbytes

    groups = decode_shared(alone.archive.shared.data).groups if alone.shapes else ()
    costs = Costs(
        [cost(alone.spent[shape]) for shape in alone.shapes],
        [cost(volumes.get(shape)) for shape in alone.shapes],
        [group_of(part.data) for part in alone.archive.shapes],
        [price * group.nbytes for group in groups],
        price * decoder,
    )
    return tuple(shape for shape, volume in zip(alone.shapes, choose(costs), strict=True) if volume)


@dataclass(frozen=True)
class _Attempt:
    coded: Coded
    failures: Mapping[int, Failure]


def _coded(codec: SetCodec, rate: Any, meshes: Sequence[Trimesh], shapes: Iterable[int], context: Context) -> _Attempt:
    """Some shapes in one mode: what became of them, decoded and measured; and which of them failed."""
    numbers = list(shapes)
    if not numbers:
        return _Attempt(Coded((), Archive(()), {}), {})
    inner = dataclasses.replace(context, failures={}, notes={})
    some = meshes if len(numbers) == len(meshes) else [meshes[shape] for shape in numbers]
    archive = codec.encode(some, rate, inner)
    context.notes |= inner.notes
    failures = {numbers[place]: failure for place, failure in inner.failures.items()}
    done = {shape: part for shape, part in zip(numbers, archive.shapes, strict=True) if part.data}
    kept = Archive(tuple(done.values()), archive.shared)
    with context.phase("choose"):
        decoded = codec.decode(kept, dataclasses.replace(context, failures={}, notes={}, phases={}))
        spent = {
            shape: Forecast(len(part), surface_error(meshes[shape], mesh))
            for (shape, part), mesh in zip(done.items(), decoded, strict=True)
        }
    return _Attempt(Coded(tuple(done), kept, spent), failures)
