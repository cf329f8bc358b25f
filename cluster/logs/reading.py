"""The reading of log files: the last lines of all of them in order of time, or what is new.

Pure but for the files; where they are is for others to say.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import structlog

from reelyard.cluster.logs.files import Found, actor_of, log_files
from reelyard.cluster.readable_text import printable

_STAMP = re.compile(rb'"timestamp": ?"([^"]*)"')


class LogQuery(NamedTuple):
    """Which lines are wanted."""

    naming: str | None = None
    """Those in which this is the whole value of a field."""
    actors: tuple[str, ...] = ()
    """Those of these actors, by name, the beginning of it, or a pattern (`*-1`); none: all."""
    lines: int | None = 200
    """So many of the last ones; None: all."""

    def takes_actor(self, name: str) -> bool:
        """Whether that actor's lines are wanted."""
        return not self.actors or any(
            name.startswith(wanted) or fnmatchcase(name, wanted) for wanted in self.actors
        )


class LogLine(NamedTuple):
    """A line of a log. Sorts by time."""

    timestamp: str
    """ISO 8601, UTC."""
    raw: bytes


type Positions = dict[int, int]
"""How far each file was read, by its inode: it may have been renamed since."""


def read_last(folder: Path, query: LogQuery) -> tuple[list[LogLine], Positions]:
    """The last lines in order of time, and where the files then ended."""
    lines: list[LogLine] = []
    positions: Positions = {}
    for found in sorted(_wanted(folder, query), key=lambda item: item.changed_s, reverse=True):
        if _is_older(found, lines, query.lines):
            # Nothing in it is among the last.
            positions[found.inode] = found.size_bytes
            continue
        data, end = _whole_lines(found, 0)
        positions[found.inode] = end
        lines = _last([*lines, *_matching(data, query)], query.lines)
    return lines, positions


def read_new(
    folder: Path, query: LogQuery, positions: Positions
) -> tuple[list[LogLine], Positions]:
    """What was written after `positions`, in order of time, and where the files now end."""
    lines: list[LogLine] = []
    # One that is just being put aside is missing in this look, and back in the next.
    after = dict(positions)
    for found in _wanted(folder, query):
        data, end = _whole_lines(found, positions.get(found.inode, 0))
        after[found.inode] = end
        lines += _matching(data, query)
    return sorted(lines), after


def actors_of(folder: Path) -> list[str]:
    """Whose logs there are."""
    return sorted({name for found in log_files(folder) if (name := actor_of(found.path))})


def as_text(raw: bytes, colors: bool) -> str:
    """A line for people."""
    try:
        fields: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode(errors="replace")
    at = str(fields.pop("timestamp", ""))[:23].replace("T", " ")
    process = fields.pop("process", "")
    fields.setdefault("event", "")
    for name, value in fields.items():
        if isinstance(value, str) and name != "exception":
            fields[name] = printable(value)
    render = structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0)
    return f"{at} {process:<13} {render(None, '', fields)}"


def _wanted(folder: Path, query: LogQuery) -> Iterable[Found]:
    return [item for item in log_files(folder) if query.takes_actor(actor_of(item.path) or "")]


def _whole_lines(found: Found, begin: int) -> tuple[bytes, int]:
    """What follows `begin` up to the last line's end, and where that is."""
    begin = min(begin, found.size_bytes)
    try:
        with found.path.open("rb") as file:
            if os.fstat(file.fileno()).st_ino != found.inode:
                return b"", begin  # put aside at this moment
            file.seek(begin)
            data = file.read()
    except OSError:
        return b"", begin
    data = data[: data.rfind(b"\n") + 1]
    return data, begin + len(data)


def _matching(data: bytes, query: LogQuery) -> list[LogLine]:
    named = None if query.naming is None else json.dumps(query.naming).encode()
    return [
        LogLine(_stamp(line), line)
        for line in data.splitlines()
        if line and (named is None or named in line)
    ]


def _stamp(line: bytes) -> str:
    match = _STAMP.search(line)
    return match[1].decode(errors="replace") if match else ""


def _last(lines: list[LogLine], count: int | None) -> list[LogLine]:
    lines.sort()
    return lines if count is None else lines[max(0, len(lines) - count) :]


def _is_older(found: Found, lines: list[LogLine], count: int | None) -> bool:
    if count is None or len(lines) < max(1, count):
        return count == 0
    changed = datetime.fromtimestamp(found.changed_s, UTC)
    return changed.isoformat(timespec="microseconds") < lines[0].timestamp
