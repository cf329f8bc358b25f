"""The registry as a worker calls it: leases, reports and commits that outlast its restarts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog
from msgspec.structs import replace

from reelyard.actors.jobs.messages import Commit, LeaseReply, Report, Verdict, WorkerInfo
from reelyard.cluster.errors import ReelyardError, Unavailable

log = structlog.get_logger()

CALL_S = 30.0
"""Longest wait for an answer, beyond the time that the call itself may take."""
LONGEST_PAUSE_S = 2.0


class LeaseClient(Protocol):
    """What a worker's loop asks of the registry."""

    scratch_full: bool
    """Whether to tell that there is no room for work."""

    async def lease(self, want: int, done: Sequence[Commit], wait_s: float) -> LeaseReply:
        """One try to hand in `done` and to get up to `want` tasks, waiting up to `wait_s`
        seconds for the first unless something is handed in.

        Raises `Unavailable`; then nobody knows whether tasks were handed out, or `done` taken.
        """

    async def give_up(self) -> None:
        """Hand back whatever this worker holds, however long it takes to reach the registry."""

    async def report(self, reports: Sequence[Report]) -> list[Verdict]:
        """One try to hand in progress. Raises `Unavailable`."""

    async def commit(self, commits: Sequence[Commit]) -> list[Verdict]:
        """Hand in what has ended, however long it takes to reach the registry."""


class RegistryLeaseClient:
    """The registry actor, found by name and asked again while it restarts."""

    def __init__(self, find: Callable[[], Any], info: WorkerInfo) -> None:
        """`find` gives the actor's handle; Ray's errors and ValueError mean: not now."""
        self._find = find
        self._handle: Any = None
        self.info = info
        self.scratch_full = False
        self.last_contact = time.monotonic()

    async def lease(self, want: int, done: Sequence[Commit], wait_s: float) -> LeaseReply:
        # Repeated by Ray after a crash of the registry, it would lease twice and tell us once.
        return await self._once(
            lambda registry: registry.lease.options(max_task_retries=0).remote(
                self._standing(), want, list(done), wait_s
            ),
            wait_s + CALL_S,
        )

    def _standing(self) -> WorkerInfo:
        return replace(self.info, scratch_full=True) if self.scratch_full else self.info

    async def give_up(self) -> None:
        returned = await self._insist(
            lambda registry: registry.lost.remote([self.info.incarnation]), CALL_S
        )
        if returned:
            log.info("unknown_leases_returned", tasks=returned, slot=self.info.slot)

    async def report(self, reports: Sequence[Report]) -> list[Verdict]:
        return await self._once(
            lambda registry: registry.report.remote(
                self.info.slot, self.info.incarnation, list(reports)
            ),
            CALL_S,
        )

    async def commit(self, commits: Sequence[Commit]) -> list[Verdict]:
        return await self._insist(lambda registry: registry.commit.remote(list(commits)), CALL_S)

    async def _insist[T](self, call: Callable[[Any], Awaitable[T]], timeout_s: float) -> T:
        pause = 0.05
        while True:
            try:
                return await self._once(call, timeout_s)
            except Unavailable as error:
                log.warning("registry_unavailable", reason=error.internal, slot=self.info.slot)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(LONGEST_PAUSE_S, pause * 2)

    async def _once[T](self, call: Callable[[Any], Awaitable[T]], timeout_s: float) -> T:
        from ray.exceptions import RayError

        try:
            if self._handle is None:
                self._handle = await asyncio.to_thread(self._find)
            answer = await asyncio.wait_for(call(self._handle), timeout_s)
        except (RayError, ReelyardError, ValueError, TimeoutError) as error:
            # The handle may be that of a registry which was replaced.
            self._handle = None
            raise Unavailable("the registry does not answer", internal=repr(error)) from error
        self.last_contact = time.monotonic()
        return answer
