"""`reelyard config`: the settings in force, and their reference."""

from __future__ import annotations

import os
import types
import typing
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo
from rich.table import Table

from reelyard.api.cli.output import Exit, command, console, print_json
from reelyard.api.client.terminal_text import escape
from reelyard.cluster.settings import PoolSettings, Settings
from reelyard.cluster.url_secrets import HIDDEN, hide_secrets

INTRODUCTION = """\
Every setting has three places, the first one found counts: the environment variable
`REELYARD_<NAME>`, the file `reelyard.toml` in the working folder (or the one that
`REELYARD_CONFIG` names), the default. `reelyard config` shows what is in force."""
SPELLING = """\
In the environment a list is written with commas, or as JSON; a table of texts as pairs, or as JSON;
the table `pools` as JSON only:

```
export REELYARD_INPUT_ROOTS=/srv/media,/mnt/archive
export REELYARD_INPUT_ROOTS='["/srv/media", "/mnt/with, comma"]'
export REELYARD_STORAGE_OPTIONS='endpoint=http://store:9000, region=eu-1'
export REELYARD_POOLS='{"cpu": {"max_workers": 4}}'
```

Yes and no are `true` and `false`. A variable `REELYARD_…` that no setting has is told on standard
error by every command, with the name that was probably meant; in `reelyard.toml` it is refused."""
ELSEWHERE = """\
`REELYARD_URL` leads the `reelyard` command to a server elsewhere, with the API key in
`REELYARD_KEY`: files of this machine are sent there, and outputs come back to where `-o` says."""
POOLS = """\
`pools` maps a pool's name to these. Pools given here replace those of the same name that Reelyard
makes for the machine it runs on."""


@command
def config(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="print the reference of all settings")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> int:
    """Show the settings in force, and which of them differ from their defaults."""
    if markdown:
        console.print(reference(), markup=False, soft_wrap=True, end="")
        return Exit.OK
    settings = Settings()
    values = in_force(settings)
    if as_json:
        print_json(values)
        return Exit.OK
    table = Table(box=None, pad_edge=False)
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for name, value in values.items():
        origin = "" if name not in settings.model_fields_set else _origin(name)
        table.add_row(name, escape(str(value)), origin)
    console.print(table)
    return Exit.OK


def in_force(settings: Settings) -> dict[str, Any]:
    """Every setting's value; a secret shows only that it is set."""
    values = hide_secrets(settings.model_dump(mode="json"))
    for name in ("signing_secret", "url_secrets_key"):
        if values[name] is not None:
            values[name] = HIDDEN
    if values["storage_options"]:
        values["storage_options"] = dict.fromkeys(values["storage_options"], HIDDEN)
    return values


def _origin(name: str) -> str:
    variable = f"REELYARD_{name.upper()}"
    return variable if variable in os.environ else "reelyard.toml"


def reference() -> str:
    """The reference of all settings, as Markdown; `docs/configuration.md` is this text."""
    lines = [
        "# Configuration",
        "",
        INTRODUCTION,
        "",
        "This page is made from `cluster/settings.py` by `reelyard config --markdown`.",
        "",
        SPELLING,
        "",
        ELSEWHERE,
        "",
        "## Settings",
        "",
        *_rows(Settings.model_fields),
        "",
        "## A pool",
        "",
        POOLS,
        "",
        *_rows(PoolSettings.model_fields),
        "",
    ]
    return "\n".join(lines)


def _rows(fields: dict[str, FieldInfo]) -> list[str]:
    rows = ["| name | type | default | meaning |", "|---|---|---|---|"]
    for name, field in fields.items():
        meaning = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {meaning} |")
    return rows


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ([], {}, ()):
        return "-"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, int) and value >= 1 << 20 and value % (1 << 20) == 0:
        return f"`{value}` ({_binary(value)})"
    return f"`{value}`"


def _binary(value: int) -> str:
    gib, mib = 1 << 30, 1 << 20
    return f"{value // gib} GiB" if value % gib == 0 else f"{value // mib} MiB"


def _type(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(part) for part in arguments if part is not type(None))
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (list, tuple):
        return "list"
    if origin is dict:
        return "table"
    names = {str: "text", int: "whole number", float: "number", bool: "yes or no", Path: "path"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))
