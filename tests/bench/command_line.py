"""Run one command of the command line inside the test process."""

import argparse
import importlib


def run_command(name: str, *arguments: str) -> int:
    """Exit code of ``bench NAME ARGUMENTS``."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"bench.commands.{name}").add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args([name, *arguments])
    return int(args.run(args))
