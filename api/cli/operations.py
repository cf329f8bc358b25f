"""`reelyard operations`: what can be done, and with which parameters."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from reelyard.actors.media.catalogue import find_operation, load_operations
from reelyard.actors.media.operation import Operation
from reelyard.api.cli.output import Exit, command, console, print_json
from reelyard.api.client.terminal_text import escape
from reelyard.cluster.settings import Settings


@command
def operations(
    name: Annotated[str | None, typer.Argument(help="show this one's parameters")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> int:
    """List operations, or the parameters of one with bounds, units and defaults."""
    catalogue = load_operations(Settings().operations)
    chosen = [find_operation(name)] if name else sorted(catalogue.values(), key=lambda op: op.name)
    if as_json:
        described = [op.describe() | {"parameters": op.params.model_json_schema()} for op in chosen]
        print_json(described[0] if name else {"operations": described})
    elif name:
        console.print(f"[bold]{name}[/]  {escape(chosen[0].summary)}\n")
        console.print(_parameters(chosen[0]))
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        for op in chosen:
            table.add_row(f"[bold]{op.name}[/]", escape(op.summary))
        console.print(table)
    return Exit.OK


def _parameters(op: Operation) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("parameter", "allowed", "default", "meaning"):
        table.add_column(column, overflow="fold")
    schema = op.params.model_json_schema()
    for field, facts in schema.get("properties", {}).items():
        table.add_row(
            field,
            escape(allowed(facts, schema.get("$defs", {}))),
            escape(default(facts)),
            escape(facts.get("description", "")),
        )
    return table


def default(facts: dict[str, Any]) -> str:
    """A JSON schema property's default, for people."""
    if "default" not in facts:
        return "required"
    value = facts["default"]
    if value is None:
        return "-"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def allowed(facts: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What values a JSON schema property takes: `1 to 60`, `mp4 | webm`, `text`."""
    if "$ref" in facts:
        facts = definitions[facts["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in facts:
        options = [allowed(option, definitions) for option in facts["anyOf"]]
        return " | ".join(dict.fromkeys(option for option in options if option != "null"))
    if "enum" in facts:
        return " | ".join(str(value) for value in facts["enum"])
    if "const" in facts:
        return str(facts["const"])
    low = facts.get("minimum", facts.get("exclusiveMinimum"))
    high = facts.get("maximum", facts.get("exclusiveMaximum"))
    kind = {"string": "text", "boolean": "true | false", "object": "object"}.get(
        facts.get("type", ""), facts.get("type", "any")
    )
    if facts.get("pattern") and kind == "text":
        return f"text like {facts['pattern']}"
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"{kind} from {low:g}"
    return f"{kind} up to {high:g}" if high is not None else kind
