# mysetcodec.py
"""A set codec: each distinct list of faces is stored once, in the part that all shapes share."""

import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from trimesh import Trimesh

from bench.codec import Archive, CodecInfo, Context, CorruptArchive, EncodeFailed, Part, Rate, SetCodec
from bench.codec.checks import checked_arrays, decoded_mesh


@dataclass(frozen=True)
class SharedFacesRate(Rate):
    bits: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16:
            raise ValueError(f"bits = {self.bits}: 1 to 16 are possible")


class SharedFaces(SetCodec):
    info = CodecInfo(
        name="shared-faces",
        version="1",
        title="Shared faces",
        summary="rounded vertices, each distinct face list once, xz",
        kind="mesh",
        licence="MIT",
    )
    rate_type = SharedFacesRate
    ladder: ClassVar = {"b8": {"bits": 8}, "b12": {"bits": 12}}

    def encode(self, meshes: Sequence[Trimesh], rate: SharedFacesRate, context: Context) -> Archive:
        lists: list[bytes] = []  # the distinct face lists
        parts = []
        for index, mesh in enumerate(meshes):
            part = Part(b"")
            with context.shape(index, EncodeFailed):  # an error costs this shape, not the set
                vertices, faces = checked_arrays(mesh)
                stored = faces.astype("<u4").tobytes()
                if stored not in lists:
                    lists.append(stored)
                part = self._part(vertices, lists.index(stored), rate, context)
            parts.append(part)
            context.progress(index + 1, len(meshes))
        lengths = np.array([len(lists), *map(len, lists)], "<u4").tobytes()
        with context.phase("entropy"):
            shared = lzma.compress(lengths + b"".join(lists)) if lists else b""
        return Archive(shapes=tuple(parts), shared=Part(shared, {"connectivity": len(shared)}))

    @staticmethod
    def _part(vertices: np.ndarray, number: int, rate: SharedFacesRate, context: Context) -> Part:
        rounded = np.round((vertices + 1) / 2 * ((1 << rate.bits) - 1)).astype("<u2")
        head = np.array([number, rate.bits], "<u4").tobytes()
        with context.phase("entropy"):
            payload = lzma.compress(rounded.tobytes())
        return Part(head + payload, {"headers": len(head), "vertices": len(payload)})  # must add up

    def decode_shared(self, data: bytes, context: Context) -> list[np.ndarray]:
        raw = decompressed(data)
        if len(raw) < 4:
            raise CorruptArchive("the shared part is too short")
        count = int(np.frombuffer(raw, "<u4", 1)[0])
        if len(raw) < 4 + 4 * count:
            raise CorruptArchive(f"the shared part is too short for {count} face lists")
        ends = 4 + 4 * count + np.cumsum(np.frombuffer(raw, "<u4", count, 4), dtype=np.int64)
        if count == 0 or ends[-1] != len(raw) or (np.diff(ends, prepend=4 + 4 * count) % 12).any():
            raise CorruptArchive("the face lists are not as long as the shared part says")
        starts = [4 + 4 * count, *ends[:-1]]
        return [np.frombuffer(raw[a:b], "<u4").reshape(-1, 3) for a, b in zip(starts, ends, strict=True)]

    def decode_shape(self, shared: list[np.ndarray], data: bytes, context: Context) -> Trimesh:
        if len(data) < 8:
            raise CorruptArchive("the part is too short")
        number, bits = (int(field) for field in np.frombuffer(data, "<u4", 2))
        raw = decompressed(data[8:])
        if number >= len(shared) or not 1 <= bits <= 16 or len(raw) % 6:
            raise CorruptArchive("the part's header holds impossible values")
        rounded = np.frombuffer(raw, "<u2").reshape(-1, 3)
        return decoded_mesh(rounded / ((1 << bits) - 1) * 2 - 1, shared[number])


def decompressed(data: bytes) -> Any:
    """What xz holds, or `CorruptArchive`."""
    try:
        return lzma.decompress(data)
    except lzma.LZMAError as error:
        raise CorruptArchive(str(error)) from error
