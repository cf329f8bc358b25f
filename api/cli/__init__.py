"""The `reelyard` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `reelyard` command."""
    from reelyard.api.cli.app import build

    build(sys.argv[1:])(prog_name="reelyard")
