"""``bench archive``: the coded bytes and decoded meshes of a run, by codec and rate."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.results.manifest import ShapeEntry
    from bench.results.rows import JobRows, ShapeRow
    from bench.results.store import RunFolder

EPILOG = """examples:
  python -m bench archive runs/sample-quick                                 what there is
  python -m bench archive runs/sample-quick draco q8                        its files, named after the shapes
  python -m bench archive runs/sample-quick necgs k128 --decoded --shape human_04_wave
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "archive",
        help="find and export the archives and decoded meshes of a run",
        description="Without a codec: lists the archives of a run. With codec and rate: copies the archive's files, "
        "named after their shapes, or writes the decoded meshes as OBJ in the coordinates of their sources.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("codec", nargs="?", metavar="CODEC", help="as the run's table names it")
    parser.add_argument("rate", nargs="?", metavar="RATE", help="label of the rate")
    parser.add_argument("--dataset", help="where the run has several")
    parser.add_argument("--decoded", action="store_true", help="export decoded meshes instead of coded bytes")
    parser.add_argument("--shape", action="append", default=[], metavar="NAME", help="this shape alone; repeatable")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: CODEC-RATE)")
    parser.add_argument(
        "--codec",
        dest="allowed",
        action="append",
        default=[],
        metavar="MODULE:CLASS",
        help="with --decoded: import this codec under development; without it only registered ones are",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.results.store import RunFolder

    folder = RunFolder(args.folder)
    folder.read_manifest()  # says so where it is no run folder
    if not args.codec:
        for job in folder.jobs():
            row = job.whole
            print(f"{row['dataset']}  {row['codec']}  {row['rate']}  {row['bytes']:,} bytes  {row['archive']}")
        return 0
    job = _job(folder, args)
    shapes = _shapes(job, args.shape)
    name = re.sub(r"[^0-9A-Za-z.@=_-]+", "-", f"{job.whole['codec']}-{job.whole['rate']}")
    out: Path = args.out or Path(name)
    out.mkdir(parents=True, exist_ok=True)
    allowed = tuple(args.allowed)
    written = list(_decoded(folder, job, shapes, out, allowed) if args.decoded else _coded(folder, job, shapes, out))
    print(f"{len(written)} files written to {out}")
    return 0


def _job(folder: RunFolder, args: argparse.Namespace) -> JobRows:
    """The job that was asked for. Raises `bench.codec.UserError` where there is none, or more than one."""
    from bench.codec import UserError
    from bench.codec.did_you_mean import known_names

    jobs = list(folder.jobs())
    codecs = list(dict.fromkeys(job.whole["codec"] for job in jobs))
    if args.codec not in codecs:
        raise UserError(f"the run has no codec {args.codec!r}; {known_names(args.codec, codecs, 'it has')}")
    of_codec = [job for job in jobs if job.whole["codec"] == args.codec]
    rates = list(dict.fromkeys(job.whole["rate"] for job in of_codec))
    rate = args.rate or (rates[0] if len(rates) == 1 else "")
    if rate not in rates:
        what = f"no rate {rate!r} of" if rate else "several rates of"
        raise UserError(f"the run has {what} {args.codec}; {known_names(rate, rates, 'they are')}")
    found = [job for job in of_codec if job.whole["rate"] == rate]
    chosen = [job for job in found if args.dataset in (None, job.whole["dataset"])]
    if len(chosen) != 1:
        names = ", ".join(job.whole["dataset"] for job in found)
        raise UserError(f"{args.codec} {rate} was run on {names}; say which with --dataset")
    return chosen[0]


def _shapes(job: JobRows, names: Sequence[str]) -> list[ShapeRow]:
    from bench.codec import UserError
    from bench.codec.did_you_mean import known_names

    by_name = {row["shape"]: row for row in job.shapes}
    for name in names:
        if name not in by_name:
            raise UserError(f"the run has no shape {name!r}; {known_names(name, by_name.keys(), 'it has')}")
    return [by_name[name] for name in names] if names else list(job.shapes)


def _coded(folder: RunFolder, job: JobRows, shapes: Sequence[ShapeRow], out: Path) -> Iterator[Path]:
    from bench.codec import Archive
    from bench.codec.atomic_write import write_atomically

    archive = Archive.read(folder.archive(job.whole["archive"]))
    archive.check_holds(row["index"] for row in shapes)
    parts = {f"{_file_name(row)}.bin": archive.shapes[row["index"]].data for row in shapes}
    for name, data in {"shared.bin": archive.shared.data, **parts}.items():
        if data:
            write_atomically(out / name, data)
            yield out / name


def _decoded(
    folder: RunFolder, job: JobRows, shapes: Sequence[ShapeRow], out: Path, allowed: tuple[str, ...]
) -> Iterator[Path]:
    from mesh_datasets.normalization import Normalization
    from trimesh.exchange.obj import export_obj

    from bench.cache import default_cache
    from bench.codec.atomic_write import write_atomically
    from bench.execution.stored_meshes import StoredMeshes

    entries = {(entry["dataset"], entry["name"]): entry for entry in folder.read_manifest()["shapes"]}
    rows = {row["index"]: row for row in shapes}
    for index, mesh in StoredMeshes(folder, default_cache(), allowed=allowed).decoded(job.whole, rows).items():
        entry = _entry(entries, rows[index])
        x, y, z = entry["center"]
        placed = Normalization((x, y, z), entry["scale"]).invert(mesh)
        path = out / f"{_file_name(rows[index])}.obj"
        write_atomically(path, export_obj(placed, digits=17, include_normals=False))  # type: ignore[no-untyped-call]
        yield path


def _entry(entries: Mapping[tuple[str, str], ShapeEntry], row: ShapeRow) -> ShapeEntry:
    """What the manifest says of a row's shape. Raises `bench.codec.UserError` where it says nothing."""
    from bench.codec import UserError

    found = entries.get((row["dataset"], row["shape"])) or entries.get(("", row["shape"]))
    if found is None:
        raise UserError(f"the manifest does not describe {row['shape']!r} of {row['dataset']}")
    return found


def _file_name(row: ShapeRow) -> str:
    """A shape's name, which may hold anything, as the name of a file; its index keeps two from meeting."""
    plain = re.sub(r"[^0-9A-Za-z._-]+", "_", row["shape"]).lstrip(".")[:100] or "shape"
    return plain if plain == row["shape"] else f"{plain}-{row['index']}"
