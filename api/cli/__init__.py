"""The `reelyard` command."""

from __future__ import annotations


def main() -> None:
    """Entry point of the `reelyard` command."""
    from api.cli.app import app

    app(prog_name="reelyard")
