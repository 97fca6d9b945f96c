"""Run one command of the command line inside the test process."""

from bench.__main__ import main


def run_command(name: str, *arguments: str) -> int:
    """Exit code of ``bench NAME ARGUMENTS``."""
    return main([name.replace("_", "-"), *arguments])
