"""What a Draco stream states about itself, checked before a decoder allocates memory for it.

After the bitstream specification 2.2 (https://google.github.io/draco/spec/).
"""

from __future__ import annotations

_MESH, _EDGEBREAKER, _HAS_METADATA = 1, 1, 0x8000
_ALWAYS_STATED = 1_000_000
_MOST_STATED = 500
"""Faces that each byte may stand for, beyond those that any stream may state; a flat grid takes a byte for 70."""


def check_header(data: bytes) -> None:
    """Check that a stream is a mesh, and states no more faces and points than its length can hold.

    Raises:
        ValueError: another stream, a point cloud, counts beyond measure.
    """
    if data[:5] != b"DRACO" or len(data) < 11:
        raise ValueError("it does not begin with DRACO")
    if data[7] != _MESH:
        raise ValueError("it holds a point cloud")
    numbers = _Numbers(data, 11, (data[5], data[6]))
    try:
        if int.from_bytes(data[9:11], "little") & _HAS_METADATA:
            for _ in range(numbers.varint()):
                numbers.varint()
                numbers.skip_metadata()
            numbers.skip_metadata()
        if data[8] == _EDGEBREAKER:
            numbers.skip(1)
            counts = [numbers.count((2, 0)) for _ in range(2 if numbers.version >= (2, 2) else 3)]
        else:
            counts = [numbers.count((2, 2)) for _ in range(2)]
    except (IndexError, RecursionError):
        raise ValueError("it is cut short") from None
    if max(counts) > max(_ALWAYS_STATED, _MOST_STATED * len(data)):
        raise ValueError(f"it states {max(counts):,} faces or points in {len(data):,} bytes")


class _Numbers:
    """A place in a stream, and the version of its format."""

    def __init__(self, data: bytes, at: int, version: tuple[int, int]) -> None:
        self._data, self._at, self.version = data, at, version

    def count(self, since: tuple[int, int]) -> int:
        """A count: of variable length from version ``since`` on, four bytes before."""
        if self.version >= since:
            return self.varint()
        self.skip(4)
        return int.from_bytes(self._data[self._at - 4 : self._at], "little")

    def varint(self) -> int:
        """Seven bits a byte, the lowest first."""
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def skip(self, count: int) -> None:
        """Go on ``count`` bytes."""
        self._at += count
        if self._at > len(self._data):
            raise IndexError

    def skip_metadata(self) -> None:
        """Go on behind named values and what is nested in them."""
        for _ in range(self.varint()):
            self._skip_name()
            self.skip(self.varint())
        for _ in range(self.varint()):
            self._skip_name()
            self.skip_metadata()

    def _skip_name(self) -> None:
        self.skip(1 + self._data[self._at])
