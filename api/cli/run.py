"""`reelyard run`: jobs from the command line, with or without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.media.operation import find_operation, load_operations
from api.cli.output import (
    Exit,
    command,
    console,
    errors,
    jobs_exit_code,
    print_json,
    results_view,
)
from api.cli.session import any_cluster
from api.client.request import JobRequest, request
from api.client.sync import Client
from api.client.views import JobView
from cluster.errors import ReelyardError, SourceNotFound, SourceUnreadable, ValidationFailed
from cluster.settings import Settings


@command
def run(
    operation: Annotated[str, typer.Argument(help="what to do; see `reelyard operations`")],
    inputs: Annotated[list[str], typer.Argument(help="paths or URLs; one job each")],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", help="file, or folder (ending in / or existing), or URL of the result"
        ),
    ] = None,
    params: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", help="parameter as key=value; the value may be JSON"),
    ] = None,
    join: Annotated[
        bool, typer.Option("--join", help="give all inputs to one job (a concatenation, say)")
    ] = False,
    priority: Annotated[int, typer.Option(help="-100 to 100; higher runs first")] = 0,
    pool: Annotated[str | None, typer.Option(help="cpu or gpu")] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="submit, print the ids, do not wait")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> int:
    """Run an operation on each INPUT, on the running cluster or one of its own."""
    settings = Settings()
    if settings.operations:
        load_operations(settings.operations)
    # Refused here, before any cluster is started for it.
    values = find_operation(operation).parse(given := parse_params(params or []))
    del values
    for source in inputs:
        check_local_input(source)
    groups: list[list[str]] = [inputs] if join else [[source] for source in inputs]
    requests = [
        request(
            operation,
            group,
            params=given,
            output=_destination(output, len(groups)),
            priority=priority,
            pool=pool,
        )
        for group in groups
    ]
    with any_cluster(settings) as client:
        return _submit(client, requests, detach=detach, as_json=as_json)


def _submit(client: Client, requests: list[JobRequest], *, detach: bool, as_json: bool) -> int:
    answers = client.submit_requests(requests, refused="return")
    refused = [answer for answer in answers if isinstance(answer, ReelyardError)]
    submitted = [answer for answer in answers if isinstance(answer, JobView)]
    for error in refused:
        errors.print(f"[red]refused[/red] ({error.code}): {error.message}", markup=True)
    if not submitted:
        raise refused[0]
    if detach:
        _show_ids(submitted, as_json=as_json)
        return Exit.USAGE if refused else Exit.OK
    try:
        ended = follow(client, submitted, quiet=as_json)
    except KeyboardInterrupt:
        _cancel_all(client, submitted)
        return Exit.INTERRUPTED
    if as_json:
        print_json({"jobs": ended})
    else:
        console.print(results_view(ended))
    return Exit.USAGE if refused else jobs_exit_code(ended)


def follow(client: Client, jobs: list[JobView], *, quiet: bool) -> list[JobView]:
    """Wait for the jobs, with bars on a terminal unless `quiet`."""
    return client.wait_all(jobs) if quiet else client.progress(jobs, console=errors)


def _cancel_all(client: Client, jobs: list[JobView]) -> None:
    answers = client.cancel_many(jobs)
    cancelled = sum(isinstance(answer, JobView) for answer in answers.values())
    errors.print(f"[yellow]cancelled[/yellow] {cancelled} of {len(jobs)} job(s)")


def _show_ids(jobs: list[JobView], *, as_json: bool) -> None:
    if as_json:
        print_json({"jobs": jobs})
        return
    for job in jobs:
        console.print(job.job_id)


def parse_params(pairs: list[str]) -> dict[str, Any]:
    """`["width=640", "fit=cover"]` as a dict; a value that is JSON is taken as such.

    Raises `ValidationFailed` on anything without a `=`.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise ValidationFailed(f"-p takes key=value, not {pair!r}")
        try:
            values[name] = json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    return values


def check_local_input(source: str) -> None:
    """Raises `SourceNotFound` or `SourceUnreadable` for a path that can't be an input."""
    if "://" in source or source.startswith(("upload:", "storage:")):
        return
    path = Path(source).expanduser()
    if not path.exists():
        raise SourceNotFound(f"{source}: there is no such file")
    if path.is_dir():
        raise SourceUnreadable(f"{source} is a folder; name the files in it")


def _destination(output: str | None, jobs: int) -> str | None:
    """The output as the jobs get it: an existing folder, and any of several jobs, gets a `/`."""
    if output is None or output.endswith("/"):
        return output
    if "://" not in output and Path(output).is_dir():
        return output + "/"
    if jobs > 1:
        raise ValidationFailed(
            f"-o {output}: several inputs need a folder (write {output}/), not one file"
        )
    return output
