"""Structured logs: one line an event, with what structlog's context holds, without secrets.

`configure_logging` once a process; then `structlog.get_logger()`. What libraries say by Python's
own logging, from warnings on, goes the same way.
"""

from __future__ import annotations

import logging
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from reelyard.cluster.logs.files import LogFile, LogLimits
from reelyard.cluster.settings import Settings
from reelyard.cluster.url_secrets import HIDDEN, hide_in_text, hide_url_secrets

_SECRET_NAMES = re.compile(
    r"(?i)(pass(word|wd|phrase)?|secret|token|api[-_]?key|authorization|cookie|credential"
    r"|signature|private[-_]?key)"
)
_QUERY = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s?#]*)[?#]\S*")
_API_KEY = re.compile(r"\bry_[A-Za-z0-9_-]{16,}")


def configure_logging(settings: Settings, process: str, stream: TextIO | None = None) -> None:
    """Set up structlog for this process.

    `process` names it on every line. The lines are JSON, and go to its file in `log_folder`;
    to standard error where that can't be written. A `stream` takes them instead, as coloured text
    where it is a terminal and `log_format` is `auto`.
    """
    out = stream or _log_file(settings, process) or sys.stderr
    as_text = stream is not None and (
        settings.log_format == "console"
        or (settings.log_format == "auto" and hasattr(out, "isatty") and out.isatty())
    )
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[*_processors(process), *_renderers(as_text)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Patient(out))),
        cache_logger_on_first_use=False,
    )
    if stream is None:
        _take_over_python_logging(max(level, logging.WARNING))


def _take_over_python_logging(level: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _ToStructlog)]:
        root.removeHandler(handler)
    root.addHandler(_ToStructlog(level))


def log_folder(settings: Settings) -> Path:
    """Where the actors of this node log.

    On a Ray cluster of others, it is among Ray's own logs, where whoever gathers them looks.
    """
    if settings.ray_address is None or settings.log_dir is not None:
        return settings.logs
    from ray._private import worker

    return Path(worker._global_node.get_logs_dir_path()) / "reelyard"  # noqa: SLF001  no other way


def _log_file(settings: Settings, process: str) -> TextIO | None:
    try:
        found = LogFile(log_folder(settings), process, LogLimits.of(settings))
    except OSError as error:
        sys.stderr.write(f"no log file for {process}: {error}\n")
        return None
    return cast("TextIO", found)


class _ToStructlog(logging.Handler):
    """What is logged by Python's own logging, as a line of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        log = structlog.get_logger()
        try:
            log.log(min(record.levelno, logging.CRITICAL), record.getMessage(), **fields)
        except Exception:  # noqa: BLE001 - a message with wrong arguments, say
            self.handleError(record)


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
