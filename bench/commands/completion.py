"""``bench completion``: a script that completes commands and options in a shell."""

from __future__ import annotations

import argparse
from typing import Any

EPILOG = """examples:
  source <(necgs-bench completion bash)
  necgs-bench completion zsh > ~/.zfunc/_necgs-bench

necgs-bench is what an installation makes of python -m bench, which a shell cannot complete.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "completion",
        help="print a script that completes commands and options in a shell",
        description="Prints a completion script for the command necgs-bench.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=("bash", "zsh"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    import shtab

    from bench.__main__ import build_parser

    parser = build_parser()
    parser.prog = "necgs-bench"
    print(shtab.complete(parser, shell=args.shell))
    return 0
