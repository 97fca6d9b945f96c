import io
import locale
import os
import sys

import pytest

from bench.codec.encoding import encoding_complaint, print_anything


def test_utf_8_is_fine_however_it_is_spelled(monkeypatch):
    for name in ("UTF-8", "utf8"):
        monkeypatch.setattr(locale, "getpreferredencoding", lambda _=True, name=name: name)
        assert encoding_complaint() == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has code pages")
def test_another_locale_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _=True: "ISO-8859-1")
    assert "ISO-8859-1" in encoding_complaint()
    assert "PYTHONUTF8=1" in encoding_complaint()


def test_every_character_can_be_printed(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    print_anything()
    print("größe \udcff")
    terminal.flush()
    assert terminal.buffer.getvalue().rstrip() == b"gr\\xf6\\xdfe \\udcff"
