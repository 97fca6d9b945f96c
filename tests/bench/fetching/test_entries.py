"""What is read out of folders and archives, and what is refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from bench.fetching import entries as module
from bench.fetching.entries import entries, stem
from bench.fetching.errors import FetchFailed, WrongSource
from tests.bench.fetching.archives import tar, zipped


def contents(source: Path, *skip: str) -> dict[str, bytes]:
    return {entry.path.as_posix(): b"".join(entry.chunks()) for entry in entries(source, skip)}


def written(tmp_path: Path, name: str, data: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("set.tar", tar({"a/b.txt": "b"}, "w")),
        ("set.tar.gz", tar({"a/b.txt": "b"})),
        ("set.TGZ", tar({"./a/b.txt": "b"})),
        ("set.tar.bz2", tar({"a/b.txt": "b"}, "w:bz2")),
        ("set.tar.xz", tar({"a/b.txt": "b"}, "w:xz")),
        ("set.zip", zipped({"a/b.txt": "b"})),
        ("set.zip", zipped({"a\\b.txt": "b"})),
    ],
    ids=["tar", "tar.gz", "TGZ", "tar.bz2", "tar.xz", "zip", "zip of Windows"],  # archives hold the time
)
def test_an_archive_counts_as_a_folder_of_its_name(tmp_path: Path, name: str, data: bytes) -> None:
    assert contents(written(tmp_path, name, data)) == {"set/a/b.txt": b"b"}


def test_archives_in_archives_in_folders(tmp_path: Path) -> None:
    (tmp_path / "x" / ".git").mkdir(parents=True)
    (tmp_path / "x" / ".git" / "config").write_text("not looked at")
    (tmp_path / "x" / "plain").write_text("p")
    inner = tar({"deep.txt": "d"})
    written(tmp_path / "x", "out.tar", tar({"in.tgz": inner, "in.zip": zipped({"z": "z"}), "images.tgz": inner}, "w"))
    found = contents(tmp_path, "images")
    assert found == {"x/plain": b"p", "x/out/in/deep.txt": b"d", "x/out/in/z": b"z"}


def test_a_zip_in_a_zip_and_a_tar_in_a_zip(tmp_path: Path) -> None:
    data = zipped({"a.zip": zipped({"x": "1"}), "b.tar": tar({"y": "2"}, "w")})
    assert contents(written(tmp_path, "o.zip", data)) == {"o/a/x": b"1", "o/b/y": b"2"}


def test_links_and_devices_are_passed_over(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo(f"odd{kind!r}")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        archive.addfile(tarfile.TarInfo("empty"))
    assert contents(written(tmp_path, "a.tar", buffer.getvalue())) == {"a/empty": b""}


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "C:/out", "..\\out"])
@pytest.mark.parametrize("pack", [tar, zipped])
def test_names_that_leave_the_archive_are_refused(tmp_path: Path, name: str, pack: object) -> None:
    suffix = "tgz" if pack is tar else "zip"
    source = written(tmp_path, f"bad.{suffix}", pack({name: "x"}))  # type: ignore[operator]
    with pytest.raises(FetchFailed, match="outside of it"):
        contents(source)


def whole(name: str) -> bytes:
    content = {"a.bin": bytes(5000), "b.bin": bytes(range(256)) * 40}
    return zipped(content) if name.endswith("zip") else tar(content, "w:gz" if name.endswith("gz") else "w")


@pytest.mark.parametrize("name", ["cut.tar", "cut.tgz", "cut.zip"])
def test_an_archive_cut_anywhere_is_damaged(tmp_path: Path, name: str) -> None:
    data = whole(name)
    for length in (0, 1, 100, 511, 512, 513, 5632, 6144, 7000, len(data) // 2, len(data) - 10_000, len(data) - 30):
        if 0 <= length < min(len(data), 16_000):
            with pytest.raises(FetchFailed, match=f"{name}: damaged"):
                contents(written(tmp_path, name, data[:length]))


@pytest.mark.parametrize("name", ["page.tgz", "page.zip", "page.tar"])
def test_a_web_page_in_place_of_an_archive_is_told(tmp_path: Path, name: str) -> None:
    page = b"<html><body>not found</body></html>" * 30
    with pytest.raises(FetchFailed, match="damaged, or no archive"):
        contents(written(tmp_path, name, page))


def test_an_archive_that_inflates_beyond_all_bounds_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALWAYS_ALLOWED", 1000)
    monkeypatch.setattr(module, "INFLATION", 10)
    for name, pack in (("bomb.tgz", tar), ("bomb.zip", zipped)):
        source = written(tmp_path, name, pack({"zeros": bytes(1 << 20)}))
        with pytest.raises(FetchFailed, match="10 times its own size"):
            contents(source)


def test_too_many_files_and_too_many_levels_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = b"x"
    for _ in range(6):
        nested = tar({"in.tgz": nested})
    with pytest.raises(FetchFailed, match="deep"):
        contents(written(tmp_path, "deep.tgz", nested))
    budget = module._Budget(tmp_path, 100, files_left=2)
    budget.take(1)
    budget.take(1)
    with pytest.raises(FetchFailed, match="files"):
        budget.take(1)


def test_a_tar_header_that_asks_for_memory_is_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 1 << 33
    source = written(tmp_path, "big.tar", header.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    with pytest.raises(FetchFailed, match="a header of"):
        contents(source)


def test_a_zip_with_a_password_says_what_to_do(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": "content"}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    with pytest.raises(FetchFailed, match="password: unpack it yourself"):
        contents(written(tmp_path, "locked.zip", bytes(data)))


def test_an_unknown_compression_is_told(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": "content"}))
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(magic) + offset] = 99
    with pytest.raises(FetchFailed, match="damaged"):
        contents(written(tmp_path, "odd.zip", bytes(data)))


def test_nothing_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(WrongSource, match="is not there"):
        contents(tmp_path / "nowhere")


def test_long_names_and_many_files_keep_their_contents(tmp_path: Path) -> None:
    files = {f"{'d' * 120}/{'n' * 90}{index}.txt": str(index) for index in range(300)}
    found = contents(written(tmp_path, "long.tgz", tar(files)))
    assert found == {f"long/{name}": content.encode() for name, content in files.items()}


@pytest.mark.parametrize(("name", "expected"), [("a.tar.gz", "a"), ("a.b.ZIP", "a.b"), ("a.gz", None), ("a.obj", None)])
def test_what_counts_as_an_archive(name: str, expected: str | None) -> None:
    assert stem(name) == expected


def test_zip_members_that_lie_about_their_size_are_not_read_beyond_it(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(100_000))
    data = bytearray(buffer.getvalue())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    try:
        found = contents(written(tmp_path, "lie.zip", bytes(data)))
    except FetchFailed:
        return
    assert found == {"lie/a": bytes(10)}
