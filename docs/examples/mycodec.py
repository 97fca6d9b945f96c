# mycodec.py
import lzma
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bench.codec import CodecInfo, CorruptArchive, Rate, ShapeCodec
from bench.codec.checks import checked_arrays, decoded_mesh


@dataclass(frozen=True)
class GridRate(Rate):
    bits: int = 10


class Grid(ShapeCodec):
    info = CodecInfo(name="grid", version="1", title="Grid", summary="rounded vertices, xz", kind="mesh", licence="MIT")
    rate_type = GridRate
    ladder: ClassVar = {"b8": {"bits": 8}, "b12": {"bits": 12}}

    def encode_shape(self, mesh, rate, context):
        vertices, faces = checked_arrays(mesh)  # or InvalidMesh, with the reason
        steps = (1 << rate.bits) - 1
        rounded = np.round((vertices + 1) / 2 * steps).astype("<u2")
        with context.phase("entropy"):
            head = np.array([len(vertices), rate.bits], "<u4").tobytes()
            return lzma.compress(head + rounded.tobytes() + faces.astype("<u4").tobytes())

    def decode_shape(self, data, context):
        try:
            raw = lzma.decompress(data)
        except lzma.LZMAError as error:
            raise CorruptArchive(str(error)) from error
        count, bits = map(int, np.frombuffer(raw, "<u4", 2))
        rounded = np.frombuffer(raw, "<u2", 3 * count, 8).reshape(-1, 3)
        faces = np.frombuffer(raw, "<u4", offset=8 + 6 * count).reshape(-1, 3)
        return decoded_mesh(rounded / ((1 << bits) - 1) * 2 - 1, faces)
