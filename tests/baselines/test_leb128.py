import pytest

from baselines.leb128 import leb128, read_leb128
from bench.codec import CorruptArchive


@pytest.mark.parametrize(("value", "data"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (624485, b"\xe5\x8e\x26")])
def test_known_bytes(value, data):
    assert leb128(value) == data
    assert read_leb128(b"??" + data + b"!", 2) == (value, 2 + len(data))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 6])
def test_numbers_that_do_not_end(data):
    with pytest.raises(CorruptArchive):
        read_leb128(data, 0)
