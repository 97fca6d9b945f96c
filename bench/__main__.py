"""The command line: ``python -m bench COMMAND``.

Exit codes: 0 done; 1 a job or a gate failed; 2 wrong usage or input; 3 not measurable (a codec or data set is not
available); 4 coverage lost; 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from bench.codec.encoding import encoding_complaint, print_anything
from bench.installation import installed_version

COMMANDS = (
    *("run", "report", "gate", "compare", "merge", "archive", "export", "set_sizes"),
    *("fetch", "codecs", "datasets", "metrics", "check_codec", "doctor", "completion"),
)

RESUMED = ("run", "fetch")
"""Commands that go on, when they are given again, from where they were interrupted."""

EPILOG = """examples:
  python -m bench run                                   the embedded sample set, every codec that is available
  python -m bench run --codecs necgs,draco --limit 6    a first look in a minute or two
  python -m bench run --dataset ama --data-root ~/data  a data set of the paper
  python -m bench report runs/sample-quick              tables and figures of a finished run
  python -m bench codecs                                what can run here, and what is missing for the rest
  python -m bench fetch ama pcgcv2                      data sets and checkpoints of other people, for those

exit codes: 0 done; 1 a job or a gate failed; 2 wrong usage or input; 3 not measurable; 4 coverage lost
"""


def build_parser(kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser with all its commands, of class ``kind``. Imports nothing heavy."""
    parser = kind(
        prog="python -m bench",
        description="Compares codecs for sets of 3D meshes: rate, distortion, time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"necgs-bench {installed_version()}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"bench.commands.{name}").add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and run. Returns the exit code."""
    # Idle OpenMP threads must not spin; this has to be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    print_anything()
    given = sys.argv[1:] if arguments is None else arguments
    parser = build_parser()
    if not given:
        parser.print_help()
        return 2
    args = parser.parse_args(given)
    if complaint := encoding_complaint():
        print(f"bench: {complaint}", file=sys.stderr)
        return 2
    from bench.codec import UserError
    from bench.codec.signals import termination_as_interrupt

    try:
        with termination_as_interrupt():
            return int(args.run(args))
    except UserError as error:
        print(f"bench {args.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        stored = "; what is finished is stored, the same command goes on from there"
        print(f"\ninterrupted{stored if args.command in RESUMED else ''}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output is gone (``| head``). The verdict is not known: neither 0 nor one of our codes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        # Not Python's 1 for what is not caught, which means "worse" to whoever reads the code of a gate.
        path = error.filename2 or error.filename
        what = f"{path}: {error.strerror}" if path else str(error)
        print(f"bench {args.command}: {what}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
