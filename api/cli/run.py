"""`reelyard run`: jobs from the command line; what can't work is refused before any start."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

from reelyard.actors.jobs.locations import is_location
from reelyard.actors.jobs.plan import infer_format, plan_job
from reelyard.actors.media.catalogue import find_operation, load_operations
from reelyard.api.cli.fetch import fetch
from reelyard.api.cli.output import (
    Exit,
    command,
    console,
    errors,
    jobs_exit_code,
    print_json,
    refusals_exit_code,
)
from reelyard.api.cli.session import any_cluster, remote
from reelyard.api.client.request import InputLike, JobRequest, expanded, in_folder, request, spec_of
from reelyard.api.client.results_view import results_view
from reelyard.api.client.sync_client import Client
from reelyard.api.client.terminal_text import escape
from reelyard.api.client.views import JobView
from reelyard.cluster.errors import (
    ReelyardError,
    SourceNotFound,
    SourceUnreadable,
    UnknownOperation,
    ValidationFailed,
)
from reelyard.cluster.settings import Settings


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
    given = parse_params(params or [])
    sources = [local_input(source) for source in inputs]
    groups = [sources] if join else [[source] for source in sources]
    destination = _destination(output, [group[0] for group in groups])
    # A server elsewhere can't write here: its outputs are fetched.
    fetched = destination if destination and remote() and not is_location(destination) else None
    if fetched and detach:
        raise ValidationFailed(f"-o {output}: with --detach, a server elsewhere can't write there")
    requests = [
        request(
            operation,
            group,
            params=_with_format(operation, given, fetched),
            output=None if fetched else destination,
            priority=priority,
            pool=pool,
        )
        for group in groups
    ]
    if not remote():
        # What can't work is refused before any cluster is started for it.
        for item in requests:
            plan_job(spec_of(item))
    with any_cluster(settings) as client:
        return _submit(client, requests, fetched, detach=detach, as_json=as_json)


def _with_format(operation: str, params: dict[str, Any], output: str | None) -> dict[str, Any]:
    """`params` with the format that the suffix of `output` names."""
    # A server elsewhere may have operations of its own.
    with suppress(UnknownOperation):
        return infer_format(find_operation(operation), params, output)
    return params


def _submit(
    client: Client,
    requests: list[JobRequest],
    fetched: str | None,
    *,
    detach: bool,
    as_json: bool,
) -> int:
    answers = client.submit_requests(requests, refused="return")
    refused = [answer for answer in answers if isinstance(answer, ReelyardError)]
    submitted = [answer for answer in answers if isinstance(answer, JobView)]
    for error in refused if submitted else refused[1:]:
        errors.print(f"[red]refused[/red] ({error.code}): {escape(error.message)}")
    if not submitted:
        raise refused[0]
    if detach:
        _show_ids(submitted, refused, as_json=as_json)
        return refusals_exit_code(refused) if refused else Exit.OK
    try:
        ended = follow(client, submitted, quiet=as_json)
    except KeyboardInterrupt:
        _cancel_all(client, submitted)
        return Exit.INTERRUPTED
    if fetched:
        inputs = [source for item in requests for source in item.inputs]
        ended = [fetch(client, job, fetched, inputs) if job.ok else job for job in ended]
    if as_json:
        print_json(_document(ended, refused))
    else:
        console.print(results_view(ended))
    return refusals_exit_code(refused) if refused else jobs_exit_code(ended)


def follow(client: Client, jobs: list[JobView], *, quiet: bool) -> list[JobView]:
    """Wait for the jobs, with bars on a terminal unless `quiet`."""
    return client.wait_all(jobs) if quiet else client.progress(jobs, console=errors)


def _cancel_all(client: Client, jobs: list[JobView]) -> None:
    answers = client.cancel_many(jobs)
    cancelled = sum(isinstance(answer, JobView) for answer in answers.values())
    errors.print(f"[yellow]cancelled[/yellow] {cancelled} of {len(jobs)} job(s)")


def _document(jobs: list[JobView], refused: list[ReelyardError]) -> dict[str, Any]:
    return {"jobs": jobs, "refused": [error.as_dict() for error in refused]}


def _show_ids(jobs: list[JobView], refused: list[ReelyardError], *, as_json: bool) -> None:
    if as_json:
        print_json(_document(jobs, refused))
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


def local_input(source: str) -> InputLike:
    """A location as it is, anything else as the path of a file that is there.

    Raises `SourceNotFound`, `SourceUnreadable`.
    """
    if is_location(source):
        return source
    path = expanded(source)
    try:
        there, folder = path.exists(), path.is_dir()
    except OSError as error:  # a name that is too long, a folder that is closed
        raise SourceUnreadable(f"{source} can't be read: {error.strerror}") from None
    if not there:
        raise SourceNotFound(f"{source}: there is no such file")
    if folder:
        raise SourceUnreadable(f"{source} is a folder; name the files in it")
    return path


def _destination(output: str | None, inputs: Sequence[InputLike]) -> str | None:
    """The output as the jobs get it: an existing folder, and any of several jobs, gets a `/`.

    Raises `ValidationFailed` where outputs, or an output and its input, would be one file.
    """
    if output is None:
        return None
    local = not is_location(output)
    if output.endswith("/") or (local and _is_folder(output)):
        return in_folder(output, inputs)
    if len(inputs) > 1:
        raise ValidationFailed(
            f"-o {output}: several inputs need a folder (write {output}/), not one file"
        )
    return output


def _is_folder(output: str) -> bool:
    with suppress(OSError):  # what can't be, is refused with the job
        return expanded(output).is_dir()
    return False
