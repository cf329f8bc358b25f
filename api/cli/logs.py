"""`reelyard logs`: what the actors have written down, here or on every node of a Ray cluster."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Protocol

import typer

from reelyard.actors.jobs.ids import parse_id
from reelyard.api.cli.output import Exit, command
from reelyard.api.cli.session import remote
from reelyard.cluster.errors import BadRequest, NotFound
from reelyard.cluster.logs.nodes import NodePositions, actors_of_nodes, read_nodes
from reelyard.cluster.logs.reading import (
    LogLine,
    LogQuery,
    Positions,
    actors_of,
    as_text,
    read_last,
    read_new,
)
from reelyard.cluster.runtime.ray_cluster import join
from reelyard.cluster.settings import Settings

LOOK_S = 0.3
LOOK_AT_NODES_S = 1.0


@command
def logs(
    job: Annotated[str | None, typer.Option(help="only lines that name this job")] = None,
    actor: Annotated[
        list[str] | None,
        typer.Option(help="only this actor: registry, api, media-cpu-1, 'media-*' …"),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on, until Ctrl-C")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="how many of the last")] = 200,
    everything: Annotated[bool, typer.Option("--all", help="all lines there are")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print lines as they are, JSON")] = False,
) -> int:
    """Show the logs, also after `down`. They lie in `logs` in the data folder."""
    if remote():
        raise BadRequest(
            "logs are read where they are: on the server's machine, or of a Ray cluster with "
            "REELYARD_RAY_ADDRESS; REELYARD_URL does not lead to them"
        )
    settings = Settings()
    query = LogQuery(
        naming=None if job is None else parse_id(job) or job,
        actors=tuple(actor or ()),
        lines=None if everything else lines,
    )
    with _opened(settings, query) as found:
        _check_actors(query, found)
        show = _printer(settings, as_json=as_json)
        show(found.last())
        while follow:
            time.sleep(found.pause_s)
            show(found.new())
    return Exit.OK


class _Logs(Protocol):
    pause_s: float

    def actors(self) -> list[str]: ...

    def last(self) -> list[LogLine]: ...

    def new(self) -> list[LogLine]: ...


class _LocalLogs:
    """Those in the data folder of this machine."""

    pause_s = LOOK_S

    def __init__(self, folder: Path, query: LogQuery) -> None:
        self._folder = folder
        self._query = query
        self._positions: Positions = {}

    def actors(self) -> list[str]:
        return actors_of(self._folder)

    def last(self) -> list[LogLine]:
        lines, self._positions = read_last(self._folder, self._query)
        return lines

    def new(self) -> list[LogLine]:
        lines, self._positions = read_new(self._folder, self._query, self._positions)
        return lines


class _ClusterLogs:
    """Those of every node of the Ray cluster that this process has joined."""

    pause_s = LOOK_AT_NODES_S

    def __init__(self, settings: Settings, query: LogQuery) -> None:
        self._settings = settings
        self._query = query
        self._positions: NodePositions = {}

    def actors(self) -> list[str]:
        return actors_of_nodes(self._settings)

    def last(self) -> list[LogLine]:
        lines, self._positions = read_nodes(self._settings, self._query)
        return lines

    def new(self) -> list[LogLine]:
        lines, self._positions = read_nodes(self._settings, self._query, self._positions)
        return lines


@contextmanager
def _opened(settings: Settings, query: LogQuery) -> Iterator[_Logs]:
    if settings.ray_address is None:
        yield _LocalLogs(settings.logs, query)
        return
    with join(settings):
        yield _ClusterLogs(settings, query)


def _check_actors(query: LogQuery, found: _Logs) -> None:
    """Raises `NotFound` if no actor is meant that has ever written a log."""
    there = found.actors()
    if query.actors and not any(query.takes_actor(name) for name in there):
        raise NotFound(
            f"no actor {', '.join(query.actors)!r} has logged anything; there are "
            f"{', '.join(there) or 'no logs yet'}"
        )


def _printer(settings: Settings, *, as_json: bool) -> Callable[[list[LogLine]], None]:
    on_terminal = sys.stdout.isatty()
    plain = as_json or settings.log_format == "json"
    plain = plain or (settings.log_format == "auto" and not on_terminal)

    def show(lines: list[LogLine]) -> None:
        for line in lines:
            text = line.raw.decode(errors="replace") if plain else as_text(line.raw, on_terminal)
            sys.stdout.write(text + "\n")
        sys.stdout.flush()

    return show
