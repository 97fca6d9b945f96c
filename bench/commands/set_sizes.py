"""``bench set-sizes``: what sets of several sizes cost."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands.arguments import names, natural, positive

if TYPE_CHECKING:
    from bench.execution.set_sizes import CodecRate
    from bench.results.set_sizes import SetSize

EPILOG = """examples:
  python -m bench set-sizes --codecs meshset@f500 --dataset sample:humans --sizes 4,8,16
  python -m bench set-sizes --codecs meshset@f500 --dataset poses:800 --sizes 50,200,800 --measure 0
  python -m bench set-sizes --codecs meshset@f500 --dataset sample --sizes 6,12,24,48 --out runs/sample-quick

With --out, the lines are kept in RUN/set_sizes.csv, and bench report draws them into its figure of bytes against set
size.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "set-sizes",
        help="bytes, error and time of a set codec as the set grows",
        description="Codes parts of a data set, of several sizes, spread evenly over it as --limit of bench run takes "
        "them. Prints a line for each: bytes a shape, shared and own, surface error, and CPU seconds; and what shared "
        "and own bytes of the largest set would have said of the others. Runs in this process, without the cache.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--codecs",
        required=True,
        type=names,
        help="NAME@RATE, comma separated; NAME takes all its rates, NAME:KEY=VALUE is a variant",
    )
    parser.add_argument("--dataset", required=True, help="as bench run takes it; one")
    parser.add_argument("--sizes", required=True, type=_sizes, help="numbers of shapes, comma separated: 4,8,16")
    parser.add_argument("--measure", type=natural, default=16, metavar="N", help="shapes to measure (default: 16)")
    parser.add_argument("--samples", type=positive, default=100_000, help="points a mesh (default: 100000)")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="where the data sets lie")
    parser.add_argument("--seed", type=natural, default=0, help="all randomness derives from it (default: 0)")
    parser.add_argument("--out", type=Path, metavar="RUN", help="a run folder to keep the lines in")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from mesh_datasets import load

    from bench.codec import UserError
    from bench.execution.set_sizes import measured_set
    from bench.metrics.protocol import Protocol
    from bench.results.set_sizes import append
    from bench.results.store import RunFolder

    if args.out:
        RunFolder(args.out).read_manifest()  # says so where it is no run folder
    rates = chosen_rates(args.codecs)
    shapes = load(args.dataset, data_root=args.data_root, seed=args.seed)
    if args.sizes[-1] > len(shapes):
        raise UserError(f"{args.dataset} has {len(shapes)} shapes, not {args.sizes[-1]}", "give smaller --sizes")
    protocol = Protocol(samples=args.samples, seed=args.seed)
    for rate in rates:
        print(f"{rate.spec} {rate.label} on {shapes.name}")
        print(f"{'shapes':>8} {'B/shape':>10} {'shared':>10} {'own':>10} {'error':>8} {'encode':>9} {'decode':>9}")
        found = []
        for count in args.sizes:
            found.append(measured_set(shapes.take(count), shapes.name, rate, protocol, args.measure, args.seed))
            print(_line(found[-1]), flush=True)
            if args.out:
                append(args.out, found[-1])
        print(_prediction(found) if len(found) > 1 else "")
    print("error: 1e-3 of the cube's half side; encode and decode: CPU seconds a shape")
    return 0


def chosen_rates(codecs: Sequence[str]) -> list[CodecRate]:
    """The rates that ``NAME@RATE`` names; all of a codec's ladder where it names none."""
    from bench import registry
    from bench.execution.set_sizes import CodecRate
    from bench.planning.chosen_rates import ChosenRates, without_rates
    from bench.planning.jobs import ladder
    from bench.planning.profile import Profile
    from bench.results.spec import CodecSpec

    profile = Profile("set-sizes")  # its ladders are whole, its settings the codecs' own
    specs, labels = without_rates(codecs)
    chosen = ChosenRates((), labels)
    return [
        CodecRate(spec.text, spec.name, label, settings)
        for spec in map(CodecSpec.parse, specs)
        for label, settings in ladder(spec, registry.get(spec.name), profile, chosen).items()
    ]


def _line(size: SetSize) -> str:
    return (
        f"{size.shapes:8,d} {size.bytes / size.shapes:10,.1f} {size.bytes_shared:10,d} {size.marginal:10,.1f} "
        f"{size.surface_cd:8.3f} {size.encode_s / size.shapes:9.3f} {size.decode_s / size.shapes:9.4f}"
        + (f"  {size.failed} failed" if size.failed else "")
    )


def _prediction(found: list[SetSize]) -> str:
    """What the largest set says of the others, if bytes were its shared part and its own bytes a shape."""
    last = found[-1]
    parts = [
        f"{size.shapes:,d}: {100 * ((last.bytes_shared + size.shapes * last.marginal) / size.bytes - 1):+.0f} %"
        for size in found[:-1]
    ]
    return f"shared + own * n of the largest set says {', '.join(parts)} of these bytes"


def _sizes(text: str) -> list[int]:
    """``4,8,16`` as rising numbers."""
    try:
        return sorted({positive(part.strip()) for part in text.split(",")})
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; give numbers of shapes, comma separated: 4,8,16") from None
