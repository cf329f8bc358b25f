"""The commands of `reelyard`, each a thin layer over the Python client."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from reelyard.cluster.faults import did_you_mean

COMMANDS = {
    "run": "run",
    "operations": "operations",
    "up": "serve",
    "down": "serve",
    "status": "serve",
    "doctor": "doctor",
    "jobs": "jobs",
    "show": "jobs",
    "cancel": "jobs",
    "retry": "jobs",
    "wait": "jobs",
    "top": "top",
    "logs": "logs",
    "config": "config",
    "keys": "keys",
}
"""Each command and the module it is in."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"reelyard {version('reelyard')}")
        raise typer.Exit


def _options(
    version: Annotated[  # noqa: ARG001  its callback does all
        bool,
        typer.Option(
            "--version", "-V", is_eager=True, callback=_print_version, help="print the version"
        ),
    ] = False,
) -> None:
    """What goes before the command."""
    from reelyard.api.cli.output import errors
    from reelyard.api.cli.session import unknown_variables

    for name, meant in unknown_variables(os.environ).items():
        errors.print(f"{name} is no setting{did_you_mean(meant)}", markup=False)


def build(words: Sequence[str]) -> typer.Typer:
    """The application for a command line: with the command it names only, else with all.

    A command starts in a third of the time when the others' modules need not be imported.
    """
    app = typer.Typer(
        help="Reelyard: media jobs on a cluster of your own.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        epilog="Exit codes: 0 done, 1 a job failed, 2 wrong usage, 3 cancelled, "
        "4 no cluster answers, 5 refused, 6 not found, 130 interrupted.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # With a callback, one command alone is a subcommand too.
    app.callback()(_options)
    first = words[0] if words else None
    for name in (first,) if first in COMMANDS else COMMANDS:
        module = import_module(f"reelyard.api.cli.{COMMANDS[name]}")
        if name == "keys":
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app
