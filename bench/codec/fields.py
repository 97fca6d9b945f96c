"""The fields of a file header: bounded integers, texts and raw bytes, read with every length checked first.

Integers are LEB128 varints (7 bits a byte, low bits first, shortest form); signed ones in zigzag order 0, -1, 1.
A reader never allocates more than the bytes that are left: for whatever a damaged length says, `CorruptArchive` comes
first.
"""

from __future__ import annotations

import struct
import zlib

from bench.codec import CorruptArchive

CHECKSUM_BYTES = 4
MAX_VARINT_BYTES = 9


def varint(value: int) -> bytes:
    """An unsigned integer below 2^63 as LEB128."""
    if not 0 <= value < 1 << 63:
        raise ValueError(f"{value} does not fit a varint")
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    """Signed -> unsigned: 0, -1, 1, -2, ... -> 0, 1, 2, 3, ..."""
    return 2 * value if value >= 0 else -2 * value - 1


def unzigzag(value: int) -> int:
    """The inverse of `zigzag`."""
    return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)


def with_crc32(payload: bytes) -> bytes:
    """``payload`` and its CRC-32, little endian."""
    return payload + struct.pack("<I", zlib.crc32(payload))


def checked_crc32(data: bytes, what: str) -> bytes:
    """The payload of `with_crc32` bytes.

    Raises:
        CorruptArchive: cut short or altered; ``what`` names the part.
    """
    if len(data) < CHECKSUM_BYTES:
        raise CorruptArchive(f"{what} is cut short: {len(data)} bytes are left of it")
    payload = data[:-CHECKSUM_BYTES]
    if struct.unpack("<I", data[-CHECKSUM_BYTES:])[0] != zlib.crc32(payload):
        raise CorruptArchive(f"{what} is damaged: its checksum does not fit")
    return payload


class FieldWriter:
    """Collects fields into bytes."""

    def __init__(self) -> None:
        self._out = bytearray()

    def __len__(self) -> int:
        return len(self._out)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._out += data

    def unsigned(self, value: int) -> None:
        """A varint."""
        self._out += varint(value)

    def signed(self, value: int) -> None:
        """A zigzag varint."""
        self._out += varint(zigzag(value))

    def byte(self, value: int) -> None:
        """One signed byte, -128..127."""
        self._out += struct.pack("<b", value)

    def text(self, value: str) -> None:
        """UTF-8 behind its length in bytes."""
        data = value.encode()
        self.unsigned(len(data))
        self.raw(data)

    def float32(self, value: float) -> None:
        """IEEE single, little endian."""
        self._out += struct.pack("<f", value)

    def getvalue(self) -> bytes:
        """What was written."""
        return bytes(self._out)


class FieldReader:
    """Reads fields back. Every method raises `CorruptArchive`, naming the field, instead of reading past the end.

    Args:
        data: the bytes.
        what: the part's name, for messages.
    """

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self.position = 0

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return len(self._data) - self.position

    def fault(self, message: str) -> CorruptArchive:
        """An error that names this part."""
        return CorruptArchive(f"{self._what}: {message}")

    def raw(self, count: int, field: str) -> bytes:
        """The next ``count`` bytes."""
        if not 0 <= count <= self.left:
            raise self.fault(f"{field} needs {count} bytes, but {self.left} are left")
        start, self.position = self.position, self.position + count
        return self._data[start : self.position]

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.raw(self.left, "rest")

    def unsigned(self, field: str, high: int, low: int = 0) -> int:
        """A varint in low..high."""
        value = 0
        for index in range(MAX_VARINT_BYTES):
            byte = self.raw(1, field)[0]
            value |= (byte & 127) << 7 * index
            if byte < 128:
                break
        if byte > 127 or (byte == 0 and index > 0):
            raise self.fault(f"{field} is not a well-formed integer")
        if not low <= value <= high:
            raise self.fault(f"{field} is {value}; must lie in {low}..{high}")
        return value

    def signed(self, field: str, magnitude: int) -> int:
        """A zigzag varint in -magnitude..magnitude."""
        value = unzigzag(self.unsigned(field, 2 * magnitude))
        return value

    def byte(self, field: str) -> int:
        """One signed byte."""
        return int(struct.unpack("<b", self.raw(1, field))[0])

    def text(self, field: str, longest: int) -> str:
        """UTF-8 text of at most ``longest`` bytes."""
        data = self.raw(self.unsigned(f"length of {field}", longest), field)
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise self.fault(f"{field} is not UTF-8") from None

    def float32(self, field: str) -> float:
        """IEEE single."""
        return float(struct.unpack("<f", self.raw(4, field))[0])

    def end(self) -> None:
        """Raises unless everything was read."""
        if self.left:
            raise self.fault(f"{self.left} bytes are left over")
