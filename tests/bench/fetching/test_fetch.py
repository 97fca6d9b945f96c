"""From a server or the user's disk to a folder in which a run finds it, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mesh_datasets
import numpy as np
import pytest
from mesh_datasets import DatasetUnavailable

from bench import registry
from bench.fetching import layouts, repository, store, trial, unpack
from bench.fetching.download import Patience
from bench.fetching.entries import Entry
from bench.fetching.errors import ByHand, DiskFull, FetchFailed, WrongSource
from bench.fetching.fetch import fetch
from bench.fetching.sources import SOURCES, Download, Source
from tests.bench.fetching.archives import ama_meshes, ama_sequence, program, tar, zipped
from tests.bench.fetching.file_server import FileServer
from tests.datasets.writers import TETRAHEDRON, write_ama, write_anime, write_dt4d


@pytest.fixture
def ama(server: FileServer) -> Source:
    """Two sequences on the server of the test: one as meshes alone, one as the whole archive."""
    server.files["/T_samba/meshes.tgz"] = ama_meshes("T_samba")
    server.files["/I_crane.tar"] = ama_sequence("I_crane", 3)
    downloads = tuple(
        Download(f"{server.url}/{name}/meshes.tgz", f"{name}.tgz", instead=f"{server.url}/{name}.tar")
        for name in ("T_samba", "I_crane")
    )
    return replace(SOURCES["ama"], downloads=downloads, installed=1000)


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "tried", lambda source, root: "not tried")


def nothing_is_left_but_downloads(home: Path) -> bool:
    files = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return all("downloads" in path.parts or path.name == "hashes.json" for path in files)


def test_ama_is_found_without_a_data_root_and_holds_meshes_only(ama: Source, home: Path, hasty: Patience) -> None:
    record = fetch(ama, patience=hasty)
    shapes = mesh_datasets.load("ama")
    assert [shape.name for shape in shapes] == [
        *(f"crane/mesh_{frame:04d}" for frame in range(3)),
        *(f"samba/mesh_{frame:04d}" for frame in range(2)),
    ]
    assert len(shapes[0].load().faces) == 4
    assert (record.files, record.tried) == (5, "5 of 5 shapes that were looked at can be read (4 to 4 faces)")
    there = sorted(path.relative_to(home / "data").as_posix() for path in (home / "data").rglob("*") if path.is_file())
    frames = [
        *(f"ama/I_crane/meshes/mesh_{n:04d}.obj" for n in range(3)),
        *(f"ama/T_samba/meshes/mesh_{n:04d}.obj" for n in range(2)),
    ]
    assert [name for name in there if not name.startswith(".fetching")] == [*frames, "ama/fetched.json"]
    assert store.record_of(store.shelf_of(ama)) == record


def test_an_interrupted_fetch_is_not_found_and_goes_on(
    ama: Source, server: FileServer, home: Path, hasty: Patience
) -> None:
    page, whole = b"<html>We are moving.</html>" * 50, server.files["/I_crane.tar"]
    server.files["/I_crane.tar"] = page
    with pytest.raises(FetchFailed, match=r"I_crane\.tgz: damaged"):
        fetch(ama, patience=hasty)
    with pytest.raises(DatasetUnavailable, match="python -m bench fetch ama"):
        mesh_datasets.load("ama")
    assert nothing_is_left_but_downloads(home)
    server.files["/I_crane.tar"] = whole
    server.asked.clear()
    fetch(ama, patience=hasty)
    assert not [path for path, _ in server.asked if "samba" in path], "what had arrived was fetched again"
    assert len(mesh_datasets.load("ama")) == 5


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_ctrl_c_and_a_full_disk_leave_nothing_that_a_run_finds(
    ama: Source, home: Path, hasty: Patience, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    whole, seen = Entry.chunks, []

    def chunks(entry: Entry) -> object:
        seen.append(entry)
        if len(seen) == 4:
            raise error
        return whole(entry)

    monkeypatch.setattr(Entry, "chunks", chunks)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else DiskFull):
        fetch(ama, patience=hasty)
    with pytest.raises(DatasetUnavailable):
        mesh_datasets.load("ama")
    fetch(ama, patience=hasty)
    assert len(mesh_datasets.load("ama")) == 5


def test_too_little_room_is_said_before_anything_is_asked_of_the_server(
    ama: Source, server: FileServer, hasty: Patience
) -> None:
    with pytest.raises(DiskFull, match="NECGS_BENCH_DATA"):
        fetch(replace(ama, installed=1 << 60), patience=hasty)
    assert server.asked == []


def test_another_content_than_the_first_time_is_refused(ama: Source, server: FileServer, hasty: Patience) -> None:
    fetch(ama, patience=hasty)
    store.remove(store.shelf_of(ama))
    server.files["/T_samba/meshes.tgz"] = ama_meshes("T_samba", 4)
    with pytest.raises(FetchFailed, match="the first time"):
        fetch(ama, patience=hasty)


def test_a_new_one_replaces_the_former_only_when_it_is_good(
    ama: Source, server: FileServer, tmp_path: Path, hasty: Patience
) -> None:
    fetch(ama, patience=hasty)
    broken = tmp_path / "T_swing.tgz"
    broken.write_bytes(tar({"meshes/mesh_0000.obj": "no mesh"}))
    with pytest.raises(FetchFailed, match="no shape of ama can be read"):
        fetch(ama, [broken])
    assert len(mesh_datasets.load("ama")) == 5
    fetch(ama, [write_ama(tmp_path / "mine")])
    assert {shape.name.partition("/")[0] for shape in mesh_datasets.load("ama")} == {"crane", "march2"}


def test_a_crash_between_the_two_steps_of_an_exchange_is_put_right(
    ama: Source, tmp_path: Path, hasty: Patience
) -> None:
    fetch(ama, patience=hasty)
    shelf = store.shelf_of(ama)
    shelf.work.mkdir(parents=True)
    shelf.final.rename(shelf.before)
    (tmp_path / "empty").mkdir()
    with pytest.raises(WrongSource):
        fetch(ama, [tmp_path / "empty"])
    assert len(mesh_datasets.load("ama")) == 5


def test_a_second_fetch_at_the_same_time_is_refused(ama: Source, hasty: Patience) -> None:
    with store.work_on(store.shelf_of(ama)), pytest.raises(FetchFailed, match="another process"):
        fetch(ama, patience=hasty)


def test_a_folder_of_the_users_own_is_left_alone(ama: Source, home: Path, hasty: Patience) -> None:
    write_ama(home / "data" / "ama")
    with pytest.raises(WrongSource, match="was not made by this command"):
        fetch(ama, patience=hasty)
    with pytest.raises(WrongSource, match="was not made by this command"):
        store.remove(store.shelf_of(ama))
    assert len(mesh_datasets.load("ama")) == 5


def test_thingi10k_from_either_archive(tmp_path: Path) -> None:
    arrays = tmp_path / "100032.npz"
    np.savez(arrays, vertices=TETRAHEDRON[0], facets=TETRAHEDRON[1])
    archive = tmp_path / "Thingi10K_npz.tar.gz"
    archive.write_bytes(tar({"npz/100032.npz": arrays.read_bytes(), "npz/._100033.npz": b"resource fork"}))
    record = fetch(SOURCES["thingi10k"], [archive])
    assert record.sha256 == {archive.name: hashlib.sha256(archive.read_bytes()).hexdigest()}
    assert [shape.name for shape in mesh_datasets.load("thingi10k")] == ["100032"]
    raw = tmp_path / "Thingi10K.tar.gz"
    stl = (
        "solid a\n"
        + "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
        + "endsolid a\n"
    )
    raw.write_bytes(tar({"Thingi10K/raw_meshes/65004.stl": stl, "Thingi10K/metadata/tag_data.csv": "id"}))
    fetch(SOURCES["thingi10k:raw"], [raw])
    assert [shape.name for shape in mesh_datasets.load("thingi10k")] == ["65004"]


def test_dt4d_must_be_asked_for_and_is_taken_from_what_the_user_got(tmp_path: Path) -> None:
    with pytest.raises(ByHand, match="fill in the form") as caught:
        fetch(SOURCES["dt4d"])
    assert caught.value.exit_code == 3
    given = []
    for group in ("animals", "humanoids"):
        write_anime(tmp_path / group / f"{group}_run" / f"{group}_run.anime")
        content = (tmp_path / group / f"{group}_run" / f"{group}_run.anime").read_bytes()
        given.append(tmp_path / f"{group}.zip")
        given[-1].write_bytes(zipped({f"{group}_run/{group}_run.anime": content, f"{group}_run/shot.png": b"x"}))
    assert fetch(SOURCES["dt4d"], given).files == 2
    assert [shape.category for shape in mesh_datasets.load("dt4d")] == ["animal"] * 3


def test_dt4d_from_a_folder(tmp_path: Path) -> None:
    fetch(SOURCES["dt4d"], [write_dt4d(tmp_path / "DeformingThings4D")])
    assert len(mesh_datasets.load("dt4d")) == 5


def test_a_built_program_is_tried_and_found(tmp_path: Path, home: Path) -> None:
    built = tmp_path / "mpeg-pcc-tmc13" / "build" / "tmc3" / "tmc3"
    built.parent.mkdir(parents=True)
    built.write_text(program())
    assert not registry.availability("gpcc").ok
    record = fetch(SOURCES["gpcc"], [tmp_path / "mpeg-pcc-tmc13"])
    assert record.tried.endswith("and came back")
    assert record.sha256 == {"tmc3": hashlib.sha256(built.read_bytes()).hexdigest()}
    assert registry.availability("gpcc").ok
    store.remove(store.shelf_of(SOURCES["gpcc"]))
    assert not registry.availability("gpcc").ok
    assert not (home / "programs" / "gpcc").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [("sys.exit(1)", "returned 1"), ("os.kill(os.getpid(), 11)", "signal 11"), ("", "wrote no stream")],
)
def test_a_program_that_does_not_work_is_not_installed(tmp_path: Path, body: str, message: str) -> None:
    (tmp_path / "tmc3").write_text(program(body))
    with pytest.raises(FetchFailed, match=f"gpcc is there and does not work: .*{message}"):
        fetch(SOURCES["gpcc"], [tmp_path / "tmc3"])
    assert not registry.availability("gpcc").ok


def test_sources_of_a_program_are_not_a_program(tmp_path: Path) -> None:
    (tmp_path / "tmc3").mkdir()
    (tmp_path / "tmc3" / "TMC3.cpp").write_text("int main;")
    with pytest.raises(WrongSource, match=r"holds no tmc3 for gpcc .*pass a git clone, a source tree or the"):
        fetch(SOURCES["gpcc"], [tmp_path])


def test_two_different_programs_are_not_chosen_between(tmp_path: Path, untried: None) -> None:
    for name, body in (("debug", "1"), ("release", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tmc3").write_text(program(body))
    with pytest.raises(WrongSource, match="several different files tmc3"):
        fetch(SOURCES["gpcc"], [tmp_path])
    (tmp_path / "debug" / "tmc3").write_text(program("2"))
    assert fetch(SOURCES["gpcc"], [tmp_path]).files == 1


def test_vpcc_needs_both_programs_and_the_folder_cfg(tmp_path: Path, untried: None) -> None:
    names = ["bin/PccAppEncoder", "bin/PccAppDecoder", "cfg/common/ctc-common.cfg"]
    archive = tmp_path / "tmc2.zip"
    archive.write_bytes(zipped({f"tmc2/{name}": name for name in names[:2]}))
    with pytest.raises(WrongSource, match=r"holds no ctc-common\.cfg for vpcc"):
        fetch(SOURCES["vpcc"], [archive])
    more = [*names, "cfg/condition/ctc-all-intra.cfg", "cfg/rate/ctc-r1.cfg", "cfg/hdrconvert/yuv420torgb444.cfg"]
    archive.write_bytes(zipped({f"tmc2/{name}": name for name in more}))
    fetch(SOURCES["vpcc"], [archive])
    assert registry.availability("vpcc").ok


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """``ckpts.zip`` with small files in place of the checkpoints, which are then the published ones."""
    files = {name: f"weights of {name}".encode() for name in layouts.CHECKPOINTS}
    for module in (layouts, unpack):
        monkeypatch.setattr(module, "CHECKPOINTS", {n: hashlib.sha256(data).hexdigest() for n, data in files.items()})
    return zipped({f"ckpts/{name}": data for name, data in files.items()})


def test_checkpoints_by_download_and_as_a_folder(
    checkpoints: bytes, server: FileServer, tmp_path: Path, untried: None, hasty: Patience
) -> None:
    server.files["/ckpts.zip"] = checkpoints
    blob = hashlib.sha1(b"blob %d\0" % len(checkpoints) + checkpoints).hexdigest()
    item = Download(f"{server.url}/ckpts.zip", "ckpts.zip", git_blob=blob)
    assert not registry.availability("pcgcv2").ok
    fetch(replace(SOURCES["pcgcv2"], downloads=(item,)), patience=hasty)
    assert registry.availability("pcgcv2").ok
    folder = store.shelf_of(SOURCES["pcgcv2"]).final
    copy = folder.rename(tmp_path / "mine")
    assert fetch(SOURCES["pcgcv2"], [copy]).files == 7
    (copy / "r3_0.10bpp.pth").write_text("other weights")
    with pytest.raises(WrongSource, match=r"r3_0\.10bpp\.pth .* is not the published checkpoint"):
        fetch(SOURCES["pcgcv2"], [copy])


@pytest.fixture
def repository_with(tmp_path: Path) -> Callable[[bytes], tuple[Path, str]]:
    def make(data: bytes) -> tuple[Path, str]:
        folder = tmp_path / "checkout"
        folder.mkdir()
        (folder / "ckpts.zip").write_bytes(data)
        git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-C", str(folder)]
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
            subprocess.run([*git, *arguments], check=True)
        commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        bare = tmp_path / "bare.git"
        subprocess.run(["git", "clone", "-q", "--bare", str(folder), str(bare)], check=True)
        return bare, commit

    return make


def test_checkpoints_out_of_a_bare_repository_at_the_commit(
    checkpoints: bytes,
    repository_with: Callable[[bytes], tuple[Path, str]],
    untried: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare, commit = repository_with(checkpoints)
    with pytest.raises(WrongSource, match=r"holds no ckpts\.zip at commit 88ff2a1.*clone it"):
        fetch(SOURCES["pcgcv2"], [bare])
    source = replace(SOURCES["pcgcv2"], repository_file=(commit, "ckpts.zip"))
    record = fetch(source, [bare])
    assert (record.files, record.sha256) == (7, {"bare.git": f"git {commit}"})
    monkeypatch.setattr(repository.shutil, "which", lambda name: None)
    with pytest.raises(FetchFailed, match=r"git is not installed \(install git, or"):
        fetch(source, [bare])
