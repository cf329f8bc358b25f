"""`reelyard keys`: API keys, by which tenants are known."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from reelyard.actors.jobs.messages import KeyScope
from reelyard.api.cli.output import Exit, command, console, print_json
from reelyard.api.cli.session import any_cluster, running_cluster
from reelyard.api.client.terminal_text import escape
from reelyard.cluster.settings import Settings

HOUR_S, DAY_S = 3600.0, 86_400.0
app = typer.Typer(help="Make, list, rotate and revoke API keys.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command()
@command
def create(
    name: Annotated[str, typer.Argument(help="what the key is for")] = "key",
    tenant: Annotated[str, typer.Option(help="whose jobs it sees")] = "default",
    admin: Annotated[
        bool, typer.Option("--admin", help="may operate the cluster: --scope admin")
    ] = False,
    scope: Annotated[
        KeyScope | None,
        typer.Option(help="read: look; submit: submit and change jobs (default); admin"),
    ] = None,
    expires_in_days: Annotated[
        float | None, typer.Option(help="days until it ends; none: until it is revoked")
    ] = None,
    credits: Annotated[
        int | None, typer.Option(help="credits granted to the tenant; none: not limited")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Make a key and print it, this once. From the first key on, every request needs one."""
    with any_cluster(Settings()) as client:
        made = client.create_key(
            tenant,
            name,
            admin=admin,
            credits=credits,
            scope=scope,
            expires_in_s=None if expires_in_days is None else expires_in_days * DAY_S,
        )
    if as_json:
        print_json(made)
    else:
        console.print(made["key"], markup=False)
    return Exit.OK


@app.command("list")
@command
def list_keys(as_json: AsJson = False) -> int:
    """List keys; not their texts, which are stored as hashes only."""
    with running_cluster(Settings()) as client:
        keys = client.list_keys()
    if as_json:
        print_json({"keys": keys})
        return Exit.OK
    table = Table(box=None, pad_edge=False)
    for column in ("key id", "tenant", "name", "scope", "ends"):
        table.add_column(column)
    for key in keys:
        table.add_row(
            key["key_id"],
            escape(key["tenant"]),
            escape(key["name"]),
            key["scope"],
            "revoked" if key["revoked_at"] else (key["expires_at"] or ""),
        )
    console.print(table)
    return Exit.OK


@app.command()
@command
def rotate(
    key_id: Annotated[str, typer.Argument(help="as `keys list` shows it")],
    overlap_hours: Annotated[float, typer.Option(help="so long the old key still works")] = 24,
    as_json: AsJson = False,
) -> int:
    """Make a key that takes another one's place, and print it, this once."""
    with running_cluster(Settings()) as client:
        made = client.rotate_key(key_id, overlap_hours * HOUR_S)
    if as_json:
        print_json(made)
    else:
        console.print(made["key"], markup=False)
    return Exit.OK


@app.command()
@command
def revoke(
    key_id: Annotated[str, typer.Argument(help="as `keys list` shows it")],
    as_json: AsJson = False,
) -> int:
    """Make a key worthless, at once."""
    with running_cluster(Settings()) as client:
        revoked = client.revoke_key(key_id)
    if as_json:
        print_json(revoked)
    else:
        console.print(f"revoked {key_id}")
    return Exit.OK
