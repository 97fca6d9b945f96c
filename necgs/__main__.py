"""The command line of the codec: ``python -m necgs COMMAND``.

Exit codes: 0 done; 1 failed (the meshes cannot be coded, the file is damaged, the disk is full); 2 wrong usage or
input; 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from bench.codec.encoding import encoding_complaint, print_anything
from bench.installation import installed_version

COMMANDS = ("compress", "decompress", "info", "append")

EPILOG = """examples:
  python -m necgs compress meshes/*.obj -o set.necgs      the smallest file for the quality
  python -m necgs info set.necgs                          what is in it, byte by byte
  python -m necgs decompress set.necgs -o decoded/        all meshes, in their own coordinates
  python -m necgs decompress set.necgs -o decoded/ --only chair
  python -m necgs append set.necgs another.obj            add a mesh; the bytes already written stay

exit codes: 0 done; 1 failed; 2 wrong usage or input; 130 interrupted
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser with all its commands. Imports nothing heavy."""
    parser = argparse.ArgumentParser(
        prog="python -m necgs",
        description="Compression of sets of 3D meshes: what they share is stored once, and a few bytes for each mesh.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"necgs-bench {installed_version()}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"necgs.commands.{name}").add_parser(subparsers)
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
    from bench.codec import UserError
    from bench.codec.context import is_out_of_memory
    from bench.codec.signals import termination_as_interrupt

    if complaint := encoding_complaint():
        print(f"necgs: {complaint}", file=sys.stderr)
        return 2

    try:
        with termination_as_interrupt():
            return int(args.run(args))
    except UserError as error:
        return _say(str(error), error.exit_code)
    except FileNotFoundError as error:
        return _say(f"{error.filename}: no such file or folder", 2)
    except OSError as error:
        return _say(f"{error.filename or 'output'}: {error.strerror}; nothing was left half written", 1)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return _say(f"out of memory: {error}", 1)
    except KeyboardInterrupt:
        return _say("interrupted; nothing was left half written", 130)


def _say(message: str, code: int) -> int:
    print(f"necgs: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
