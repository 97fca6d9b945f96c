"""Files that are there whole or not at all."""

import errno
import os

import pytest

from bench.codec.atomic_write import replacing, write_atomically


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_and_bytes_replace_what_was_there_and_make_the_folder(tmp_path):
    target = tmp_path / "new" / "a.json"
    write_atomically(target, "é")
    assert target.read_bytes() == "é".encode()
    write_atomically(target, b"other", durable=False)
    assert target.read_bytes() == b"other"
    assert names(target.parent) == ["a.json"]


def test_others_may_read_it_as_the_umask_allows(tmp_path):
    write_atomically(tmp_path / "a", b"")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_breaks_off_leaves_the_old_file_alone(tmp_path, error):
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def break_off():
        with replacing(target) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        break_off()
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_disk_that_fills_up_at_the_last_moment_leaves_the_old_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "a"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]
