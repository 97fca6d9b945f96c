"""PCGCv2, untrained, on every device: the CPU, a pretended GPU, a real one (marker gpu)."""

from __future__ import annotations

import copy

import numpy as np
import torch
import trimesh

from baselines.points.pcgcv2.codec import Pcgcv2, decode_block, encode_block
from baselines.points.pcgcv2.network import Network
from baselines.points.pcgcv2.sparse import neighbour_table
from bench.codec import Context
from bench.metrics.voxels import surface_voxels
from tests.conftest import Device
from tests.pretended_cuda import PretendedCuda


def ball() -> np.ndarray:
    return surface_voxels(np.asarray(trimesh.creation.icosphere(subdivisions=2, radius=0.8).triangles), 5)[0]


def network(device: str) -> Network:
    torch.manual_seed(0)
    return copy.deepcopy(Network()).to(device).eval()


def test_a_block_is_the_same_everywhere(device: Device) -> None:
    context = Context(device.name)
    own = network(device.name)
    here = encode_block(ball(), 5, network("cpu"), "octree", Context())
    there = encode_block(ball(), 5, own, "octree", context)
    assert here.counts == there.counts
    if device.exact:
        assert here == there
    decoded = decode_block(there, 5, own, "octree", context)
    assert len(decoded) == len(ball())
    if device.exact:
        assert np.array_equal(decoded, decode_block(here, 5, network("cpu"), "octree", Context()))


def test_the_harness_gives_it_a_gpu() -> None:
    assert Pcgcv2().info.devices == ("cpu", "cuda")


def test_a_block_waits_for_the_device_a_few_times_only() -> None:
    with PretendedCuda() as seen:
        own = network("cuda")
        seen.waits.clear()
        block = encode_block(ball(), 5, own, "octree", Context("cuda"))
        coding = sum(n for line, n in seen.waits.items() if "features.py" not in line)
        seen.waits.clear()
        decode_block(block, 5, own, "octree", Context("cuda"))
        decoding = sum(n for line, n in seen.waits.items() if "features.py" not in line)
    assert coding <= 8  # three sizes, keys there, latents and keys back
    assert decoding <= 8  # keys and latents there, three sizes, keys back


def test_a_table_of_neighbours_never_waits() -> None:
    keys = torch.sort(torch.from_numpy(np.unique(np.random.default_rng(0).integers(0, 40, 200)))).values
    with PretendedCuda() as seen:
        there = keys.to("cuda")
        seen.waits.clear()
        table = neighbour_table(there)
        assert not seen.waits
        assert torch.equal(table.cpu(), neighbour_table(keys))


def test_both_ends_multiply_whole_float32_numbers(monkeypatch) -> None:
    asked, product = [], torch.addmm

    def watched(*arguments: torch.Tensor) -> torch.Tensor:
        asked.append(torch.get_float32_matmul_precision())
        return product(*arguments)

    monkeypatch.setattr(torch, "addmm", watched)
    torch.set_float32_matmul_precision("high")
    try:
        block = encode_block(ball(), 5, network("cpu"), "octree", Context())
        half = len(asked)
        decode_block(block, 5, network("cpu"), "octree", Context())
    finally:
        torch.set_float32_matmul_precision("highest")
    assert 0 < half < len(asked)
    assert set(asked) == {"highest"}
