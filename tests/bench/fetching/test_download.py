"""Downloads over a real connection to a server in this process."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from bench.fetching import disk, hashes
from bench.fetching.download import CHUNK, Patience, download
from bench.fetching.errors import DiskFull, FetchFailed
from bench.fetching.sources import Download
from tests.bench.fetching.file_server import FileServer

DATA = bytes(range(256)) * 4000  # a megabyte


def item(server: FileServer, **facts: object) -> Download:
    return replace(Download(f"{server.url}/data.tgz", "data.tgz", size=len(DATA)), **facts)  # type: ignore[arg-type]


def test_a_file_arrives_whole_and_is_not_asked_for_twice(server: FileServer, tmp_path: Path, hasty: Patience) -> None:
    server.files["/data.tgz"] = DATA
    assert download(item(server), tmp_path, hasty).read_bytes() == DATA
    assert download(item(server), tmp_path, hasty).read_bytes() == DATA
    assert len(server.asked) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data.tgz"]


def test_a_broken_connection_goes_on_where_it_broke(server: FileServer, tmp_path: Path, hasty: Patience) -> None:
    server.files["/data.tgz"] = DATA
    server.drop_after = [4 * CHUNK, 3 * CHUNK, CHUNK, 2 * CHUNK]  # each attempt gets on: patience starts anew
    assert download(item(server), tmp_path, hasty).read_bytes() == DATA
    assert [asked for _, asked in server.asked] == [None, *(f"bytes={n * CHUNK}-" for n in (4, 7, 8, 10))]


def test_a_later_call_goes_on_with_what_an_interrupted_one_left(
    server: FileServer, tmp_path: Path, hasty: Patience
) -> None:
    server.files["/data.tgz"] = DATA
    server.drop_after = [6 * CHUNK, 0, 0]
    with pytest.raises(FetchFailed, match="goes on from there"):
        download(item(server), tmp_path, hasty)
    assert not (tmp_path / "data.tgz").exists()
    assert download(item(server), tmp_path, hasty).read_bytes() == DATA
    assert server.asked[-1][1] == f"bytes={6 * CHUNK}-"


@pytest.mark.parametrize("change", ["tag", "no ranges"])
def test_what_no_longer_fits_is_fetched_anew(server: FileServer, tmp_path: Path, hasty: Patience, change: str) -> None:
    server.files["/data.tgz"] = bytes(len(DATA))
    server.drop_after = [6 * CHUNK, 0, 0]
    with pytest.raises(FetchFailed):
        download(item(server), tmp_path, hasty)
    server.files["/data.tgz"] = DATA
    server.tag, server.ranges = '"v2"', change == "tag"
    assert download(item(server), tmp_path, hasty).read_bytes() == DATA


def test_without_a_version_a_part_is_continued_only_where_the_hash_is_known(
    server: FileServer, tmp_path: Path, hasty: Patience
) -> None:
    server.files["/data.tgz"], server.tag = DATA, ""
    for facts, asked in (({}, None), ({"sha256": hashlib.sha256(DATA).hexdigest()}, f"bytes={6 * CHUNK}-")):
        folder = tmp_path / str(asked)
        server.drop_after = [6 * CHUNK, 0, 0]
        with pytest.raises(FetchFailed):
            download(item(server, **facts), folder, hasty)
        assert download(item(server, **facts), folder, hasty).read_bytes() == DATA
        assert server.asked[-1][1] == asked


def test_a_part_longer_than_the_file_is_thrown_away(server: FileServer, tmp_path: Path, hasty: Patience) -> None:
    server.files["/data.tgz"] = DATA
    server.drop_after = [6 * CHUNK, 0, 0]
    with pytest.raises(FetchFailed):
        download(item(server), tmp_path, hasty)
    server.files["/data.tgz"] = DATA[:1000]
    assert download(item(server), tmp_path, hasty).read_bytes() == DATA[:1000]


def test_a_busy_server_is_asked_again_and_the_user_is_told(
    server: FileServer, tmp_path: Path, hasty: Patience, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["/data.tgz"] = DATA
    server.statuses = [503, 429]
    assert download(item(server), tmp_path, hasty).read_bytes() == DATA
    assert "data.tgz: the server answers 503 Service Unavailable; once more in 0 s" in capsys.readouterr().err


def test_a_slow_server_is_given_up_with_a_remedy(server: FileServer, tmp_path: Path) -> None:
    server.files["/data.tgz"], server.pause = DATA, 1.0
    with pytest.raises(FetchFailed, match=r"--source"):
        download(item(server), tmp_path, Patience(connect=5, read=0.1, waits=(0,)))
    assert len(server.asked) == 2


def test_the_second_place_is_looked_at_where_the_first_has_no_file(
    server: FileServer, tmp_path: Path, hasty: Patience
) -> None:
    server.files["/other.tar"] = DATA
    assert download(item(server, instead=f"{server.url}/other.tar"), tmp_path, hasty).read_bytes() == DATA


@pytest.mark.parametrize(("status", "message"), [(404, "no file at"), (403, "answers 403"), (500, "answers 500")])
def test_refusals_name_the_address_and_a_way_out(
    server: FileServer, tmp_path: Path, hasty: Patience, status: int, message: str
) -> None:
    server.statuses = [status] * 3
    with pytest.raises(FetchFailed, match=message) as caught:
        download(item(server), tmp_path, hasty)
    assert f"{server.url}/data.tgz" in str(caught.value)
    assert "--source" in str(caught.value)


def test_no_network_is_said_so(tmp_path: Path, hasty: Patience) -> None:
    with pytest.raises(FetchFailed, match=r"127\.0\.0\.1:1 cannot be reached.*--source"):
        download(Download("http://127.0.0.1:1/x", "x"), tmp_path, hasty)


def test_a_file_far_larger_than_expected_is_refused(
    server: FileServer, tmp_path: Path, hasty: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/data.tgz"] = DATA
    monkeypatch.setattr("bench.fetching.download.ALWAYS_ALLOWED", 1000)
    with pytest.raises(FetchFailed, match="1,024,000 bytes, some 1,000 were expected"):
        download(item(server, size=1000), tmp_path, hasty)


def test_a_disk_without_room_is_said_so_before_the_body(
    server: FileServer, tmp_path: Path, hasty: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/data.tgz"] = DATA
    monkeypatch.setattr(disk, "free", lambda folder: 1000)
    with pytest.raises(DiskFull, match=r"1\.0 kB are free.*NECGS_BENCH_DATA"):
        download(item(server), tmp_path, hasty)
    assert list(tmp_path.iterdir()) == []


def test_hashes_known_beforehand_are_compared_and_a_wrong_file_goes(tmp_path: Path) -> None:
    book = tmp_path / "book.json"
    blob = hashlib.sha1(b"blob 5\0hello").hexdigest()
    for facts in ({"sha256": hashlib.sha256(b"hello").hexdigest()}, {"git_blob": blob}):
        path = tmp_path / "file"
        path.write_bytes(b"hello")
        assert hashes.check(Download("http://x", "file", **facts), path, book) == hashlib.sha256(b"hello").hexdigest()
        path.write_bytes(b"hallo")
        with pytest.raises(FetchFailed, match="not what it must be"):
            hashes.check(Download("http://x", "file", **facts), path, book)
        assert not path.exists()
    assert not book.exists()


def test_a_hash_that_is_not_known_is_that_of_the_first_good_time(tmp_path: Path) -> None:
    book, path = tmp_path / "book.json", tmp_path / "file"
    book.write_text("[1,")  # damaged: begun anew
    here, other = Download("http://x", "file"), Download("http://y", "file")
    path.write_bytes(b"first")
    hashes.remember([here], {"file": hashes.check(here, path, book)}, book)
    hashes.check(here, path, book)
    path.write_bytes(b"second")
    hashes.check(other, path, book)
    with pytest.raises(FetchFailed, match=r"the first time.*book\.json"):
        hashes.check(here, path, book)
    assert not path.exists()
