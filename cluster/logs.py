"""Structured logs: one line an event, with what structlog's context holds, without secrets.

`configure_logging` once a process; then `structlog.get_logger()`.
"""

from __future__ import annotations

import logging
import re
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from cluster.settings import Settings
from cluster.url_secrets import HIDDEN, hide_in_text, hide_url_secrets

_SECRET_NAMES = re.compile(
    r"(?i)(pass(word|wd|phrase)?|secret|token|api[-_]?key|authorization|cookie|credential"
    r"|signature|private[-_]?key)"
)
_QUERY = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s?#]*)[?#]\S*")
_API_KEY = re.compile(r"\bry_[A-Za-z0-9_-]{16,}")


def configure_logging(settings: Settings, process: str, stream: TextIO | None = None) -> None:
    """Set up structlog for this process.

    `process` names it on every line. `stream` (default: stderr) takes JSON lines, or coloured text
    where it is a terminal and `log_format` is `auto`.
    """
    out = stream or sys.stderr
    as_text = settings.log_format == "console" or (
        settings.log_format == "auto" and hasattr(out, "isatty") and out.isatty()
    )
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[*_processors(process), *_renderers(as_text)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Patient(out))),
        cache_logger_on_first_use=False,
    )


class _Patient:
    """A stream whose lines are lost where they can't be written.

    On a full disk a log line must not end the work that would make room again.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _processors(process: str) -> list[Processor]:
    def name_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        name_process,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]


def _renderers(as_text: bool) -> list[Processor]:
    if as_text:
        return [structlog.dev.ConsoleRenderer(colors=True)]
    return [structlog.processors.JSONRenderer()]


def hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Blank values whose name tells of a secret, and queries and users in URLs.

    A signed URL is a secret by its query string.
    """
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if _SECRET_NAMES.search(name):
        return HIDDEN
    if isinstance(value, str):
        # A text that begins as a URL may be one with blanks in it.
        hidden = hide_in_text(hide_url_secrets(value))
        return _API_KEY.sub(HIDDEN, _QUERY.sub(rf"\1?{HIDDEN}", hidden))
    if isinstance(value, dict):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    return value
