"""Codes parts of a set of several sizes, in this process: bytes, error and CPU seconds as the set grows."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import registry
from bench.codec import Archive, Context
from bench.results.set_sizes import SetSize

if TYPE_CHECKING:
    from mesh_datasets import ShapeSet
    from trimesh import Trimesh

    from bench.metrics.protocol import Protocol


@dataclass(frozen=True)
class CodecRate:
    """A codec at one rate.

    Args:
        spec: as rows name it.
        name: of the codec.
        label: of the rate.
        settings: resolved.
    """

    spec: str
    name: str
    label: str
    settings: dict[str, Any]


def measured_set(
    shapes: ShapeSet, dataset: str, rate: CodecRate, protocol: Protocol, most_measured: int, seed: int = 0
) -> SetSize:
    """Code, decode and measure a set; a shape counts for the error where it was coded, ``most_measured`` at most.

    No cache is used, so the seconds are all that such a set costs. What a process does once is done before.

    Raises:
        bench.codec.CodecError: the set cannot be coded, or its archive cannot be decoded.
        mesh_datasets.DatasetError: a shape cannot be loaded.
    """
    from mesh_datasets.normalization import normalize

    codec = registry.get(rate.name)
    codec.warm_up()
    meshes = [normalize(shape.load(), shape.name)[0] for shape in shapes]
    context = Context(seed=seed)
    start = time.process_time()
    archive = codec.encode(meshes, codec.rate_type.of(rate.settings), context)
    coded = time.process_time()
    decoded = codec.decode(Archive(archive.shapes, archive.shared), Context(seed=seed))
    spent = time.process_time() - coded
    done = [index for index in range(len(meshes)) if index not in context.failures]
    errors = _errors(meshes, decoded, done, protocol, most_measured)
    return SetSize(
        dataset,
        rate.spec,
        rate.label,
        len(meshes),
        len(context.failures),
        archive.nbytes,
        len(archive.shared),
        float(np.mean(errors)) if errors else math.nan,
        len(errors),
        coded - start,
        spent,
    )


def _errors(
    references: Sequence[Trimesh], decoded: Sequence[Trimesh], coded: Sequence[int], protocol: Protocol, most: int
) -> list[float]:
    """Surface errors of at most so many shapes, spread evenly over those that were coded."""
    from bench.metrics.measure import measure

    count = min(most, len(coded))
    chosen = [coded[(2 * k + 1) * len(coded) // (2 * count)] for k in range(count)]
    return [measure(references[i], decoded[i], protocol)["surface_cd"] for i in chosen]
