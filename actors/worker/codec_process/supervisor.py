"""The codec process in use and its successor: started, renewed when worn, replaced when dead."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from contextvars import copy_context
from subprocess import TimeoutExpired
from typing import Protocol

import structlog

from reelyard.actors.worker.codec_process.messages import (
    Failed,
    Finished,
    FromCodec,
    Progressed,
    Ready,
)
from reelyard.actors.worker.codec_process.options import CodecOptions
from reelyard.actors.worker.codec_process.os_process import Child, ChildSpec, Exit, spawn
from reelyard.cluster.errors import ReelyardError, Unavailable
from reelyard.cluster.metrics import CODEC_ENDS

log = structlog.get_logger()

MAX_FALSE_STARTS = 3
"""After so many in a row, tasks fail rather than wait for a process."""
START_S = 60.0
"""A process that has not loaded its operations by then is ended."""
MEASURE_S = 1.0
"""Least time between two looks at a process's memory."""


class ProcessUser(Protocol):
    """Who gives work to the process in use. Told of it in the event loop."""

    def on_available(self) -> None:
        """`available` may have another answer now."""

    def on_message(self, child: Child, message: FromCodec) -> None:
        """A process says something; `CodecSupervisor.hears` tells whether it is about work."""

    def on_exit(self, how: Exit) -> None:
        """The process in use has died, with all that it held; another one takes its place."""

    def on_unavailable(self, error: ReelyardError) -> None:
        """There is no process, and none can be started for now."""


class CodecSupervisor:
    """Keeps one codec process in use. A worn one works until its successor is ready."""

    def __init__(
        self, spec: ChildSpec, options: CodecOptions, pool: str, user: ProcessUser
    ) -> None:
        self._spec = spec
        self._options = options
        self._pool = pool
        self._user = user
        self.current: Child | None = None
        self.starts = 0
        """How many processes were started so far."""
        self._successor: Child | None = None
        self._starting: asyncio.Task[None] | None = None
        self._false_starts = 0
        self._worn_by: str | None = None
        self._measured = 0.0
        self._closed = False
        self._context = copy_context()

    def available(self, *, busy: bool, wanted: bool) -> Child | None:
        """The process to give work to; None: not now, `on_available` follows.

        `busy`: the current one has work; a worn one is replaced when it has none. `wanted`: there
        is work to give; processes that can't start are tried again only then.
        """
        if self.current is None:
            if wanted or not self._false_starts:
                self._start()
            return None
        if self._worn_by is not None:
            if busy or self._successor is None or not self._successor.ready:
                return None
            self._renew(self.current, self._successor, self._worn_by)
        return self.current if self.current.ready else None

    def kill_current(self) -> None:
        """Kill the process in use; `on_exit` follows."""
        if self.current is not None:
            self.current.kill()
            if self._successor is None:
                self._start()

    def kill_now(self) -> None:
        """Kill the processes from any thread, when no time is left for `close`."""
        self._closed = True
        for child in (self.current, self._successor):
            if child is not None:
                child.kill()

    async def close(self) -> None:
        """End the processes and wait until they are gone; the user hears nothing more."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting
        for child in (self.current, self._successor):
            if child is not None:
                child.kill()
                child.close()
                with suppress(TimeoutExpired):
                    await asyncio.to_thread(child.process.wait, 10)

    # --- starting ---

    def _start(self) -> None:
        if self._starting is None or self._starting.done():
            # It outlives the job which happens to start it: its log lines are not that job's.
            self._starting = asyncio.get_running_loop().create_task(
                self._spawn(), context=self._context.copy()
            )

    async def _spawn(self) -> None:
        while True:
            if self._false_starts:
                await asyncio.sleep(start_pause_s(self._false_starts))
            try:
                child = await spawn(self._spec, self._user.on_message, self._on_exit)
            except OSError as error:
                if not self._start_failed(error):
                    return
            else:
                break
        self.starts += 1
        asyncio.get_running_loop().call_later(START_S, _expect_ready, child)
        if self.current is None:
            self.current = child
        else:
            self._successor = child

    def _start_failed(self, error: OSError) -> bool:
        """Note it; whether to try again."""
        self._false_starts += 1
        log.error("codec_process_did_not_start", how=repr(error), times=self._false_starts)
        if self.current is None:
            refusal = Unavailable("the codec process can't be started", internal=repr(error))
            self._user.on_unavailable(refusal)
            return False
        if self._false_starts < MAX_FALSE_STARTS:
            return True
        self._stay_with_current()
        return False

    def _false_start(self, how: Exit) -> None:
        self._false_starts += 1
        log.error("codec_process_did_not_start", how=how.describe, times=self._false_starts)

    def _stay_with_current(self) -> None:
        # Better a worn process than none.
        self._worn_by = None
        self._user.on_available()

    # --- what the processes say ---

    def hears(self, child: Child, message: FromCodec) -> bool:
        """Take what a process says of itself; whether the process in use speaks of its work."""
        match message:
            case Ready():
                child.ready = True
                child.base_rss = child.rss_bytes()
                self._false_starts = 0
                self._user.on_available()
            case Failed(id=0):
                self._false_starts = MAX_FALSE_STARTS
                if child is self.current:
                    self._user.on_unavailable(message.as_error())
                child.kill()
            case Progressed() | Finished() | Failed() if child is self.current:
                self._look_for_wear(child, message)
                return True
        return False

    def _on_exit(self, child: Child, how: Exit) -> None:
        if self._closed:
            return
        if child is self._successor:
            self._lose_successor(how)
        elif child is self.current:
            self._lose_current(child, how)

    def _lose_current(self, child: Child, how: Exit) -> None:
        self.current, self._successor = self._successor, None
        self._worn_by = None
        if child.ready:
            self._user.on_exit(how)
            return
        self._false_start(how)
        if self._false_starts >= MAX_FALSE_STARTS:
            refusal = Unavailable(f"the codec process does not start: {how.describe}")
            self._user.on_unavailable(refusal)
        self._user.on_available()

    def _lose_successor(self, how: Exit) -> None:
        self._successor = None
        self._false_start(how)
        if self._false_starts < MAX_FALSE_STARTS:
            self._start()
        else:
            self._stay_with_current()

    # --- renewal ---

    def _look_for_wear(self, child: Child, message: Progressed | Finished | Failed) -> None:
        if isinstance(message, Progressed) or self._worn_by is not None:
            return
        now = time.monotonic()
        growth = 0
        if now - self._measured >= MEASURE_S:
            self._measured = now
            growth = child.rss_bytes() - child.base_rss
        out_of_memory = isinstance(message, Failed) and message.worn
        life_s = now - child.born
        self._worn_by = (
            "memory" if out_of_memory else worn_by(child.tasks, life_s, growth, self._options)
        )
        if self._worn_by is not None:
            self._start()

    def _renew(self, worn: Child, successor: Child, reason: str) -> None:
        self._worn_by = None
        self.current, self._successor = successor, None
        CODEC_ENDS.add(pool=self._pool, reason=reason)
        log.info("codec_process_renewed", reason=reason, tasks=worn.tasks, pid=worn.pid)
        worn.close()


def worn_by(tasks: int, life_s: float, growth_bytes: int, options: CodecOptions) -> str | None:
    """Why a process that has run `tasks` is to be renewed: tasks, growth; None: it is not."""
    if tasks >= options.max_tasks and life_s >= options.least_life_s:
        return "tasks"
    return "growth" if growth_bytes > options.max_growth_bytes else None


def start_pause_s(false_starts: int) -> float:
    """How long to wait before the next start after so many that failed in a row."""
    return min(5.0, 0.2 * 2.0**false_starts)


def _expect_ready(child: Child) -> None:
    if not child.ready:
        child.kill()
