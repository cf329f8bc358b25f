"""`reelyard doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from reelyard.api.cli.checkup.checks import Check, Verdict, fail, worst
from reelyard.api.cli.output import Exit, command, console, print_json
from reelyard.api.client.terminal_text import escape
from reelyard.cluster.errors import ValidationFailed
from reelyard.cluster.settings import Settings

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@command
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> int:
    """What is wrong and how to mend it: settings, folders, disks, store, storage, port, workers.

    Changes nothing, and needs no running cluster. Exit code 1 if something fails.
    """
    found = _found()
    verdict = worst(found)
    if as_json:
        print_json({"verdict": verdict, "checks": [asdict(check) for check in found]})
    else:
        for check in found:
            console.print(_line(check))
    return Exit.FAILED if verdict is Verdict.FAIL else Exit.OK


def _found() -> list[Check]:
    try:
        settings = Settings()
    except ValidationFailed as error:
        return [fail("settings", error.message, "`reelyard config` tells where each is set")]
    from reelyard.api.cli.checkup.looks import look_at_all

    return look_at_all(settings)


def _line(check: Check) -> str:
    advice = f"  → {escape(check.advice)}" if check.advice else ""
    mark = f"[{_COLOURS[check.verdict]}]{check.verdict:<4}[/]"
    return f"{mark}  {check.name:<17}{escape(check.found)}{advice}"
