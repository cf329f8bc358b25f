"""A worker's loop: tasks leased, run and handed in; reporting and obeying in between.

Knows neither Ray nor processes: the registry, the codec and the staging come from outside.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog

from reelyard.actors.jobs.messages import Commit, Lease, Verdict
from reelyard.actors.worker.prefetch import GIVE_BACK_S, PrefetchDepth, Standing
from reelyard.actors.worker.registry_client import LeaseClient
from reelyard.actors.worker.scratch import Scratch
from reelyard.actors.worker.status import LoopStatus
from reelyard.actors.worker.task_run import Stop, TaskRun, WorkerTools
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.metrics import FAILURES, FRAMES, SPEED, TASK_SECONDS, TASKS
from reelyard.cluster.settings import Settings

log = structlog.get_logger()

GATHER_S = 0.1
"""While other tasks are held, commits are gathered that long, at most, into one call."""
FULL_PAUSE_S = 1.0
LOOK_AGAIN_S = 1.0
"""How long what the registry said of waiting tasks counts, while one is held behind others."""
LEAST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
"""Between two tries to reach the registry."""


type _Batch = list[tuple[Commit, TaskRun]]


class WorkerLoop:
    """The work of one worker, from its first lease until it is drained."""

    def __init__(
        self,
        settings: Settings,
        registry: LeaseClient,
        tools: WorkerTools,
        scratch: Scratch,
        pool: str,
        cores: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._tools = tools
        self._scratch = scratch
        self._pool = pool
        self._clock = clock
        # Bound once: the lazy one costs more with every line that is not even written.
        self._log = structlog.get_logger().bind()
        self._prefetch = PrefetchDepth(cores)
        self._waiting = 0
        """Tasks that wait at the registry, as it last said."""
        tools.codec.backlog = self._backlog
        self._held: dict[tuple[str, str, int], TaskRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outbox: _Batch = []
        self._committing = 0
        """Commits on their way."""
        self._in_doubt = False
        """A lease call failed: there may be leases that never arrived."""
        self._to_commit = asyncio.Event()
        self._idle = asyncio.Event()
        """Nothing is held whose commit could go along."""
        self._freed = asyncio.Event()
        """A run has ended or its commit was answered: more may be wanted."""
        tools.codec.on_spare = self._freed.set
        self._draining = False
        self._give_back_at: float | None = None
        self._idle_since = clock()
        self._done = 0

    # --- from outside ---

    async def work(self) -> None:
        """Work until drained and everything is handed in."""
        reporter = asyncio.create_task(self._report_for_ever())
        committer = asyncio.create_task(self._commit_for_ever())
        try:
            await self._pull_until_drained()
            while self._owes or self._tasks:
                await self._wait_for_end_of_a_run()
        finally:
            for task in (reporter, committer):
                task.cancel()
            await asyncio.gather(reporter, committer, return_exceptions=True)

    def drain(self, grace_s: float | None = None) -> None:
        """Take nothing more. What is not done after `grace_s` seconds is given back."""
        self._draining = True
        self._freed.set()
        if grace_s is not None:
            self._give_back_at = self._clock() + grace_s

    def status(self) -> LoopStatus:
        """For the pool manager."""
        idle = 0.0 if self._owes else self._clock() - self._idle_since
        return LoopStatus(len(self._held), idle, self._done, self._draining)

    # --- taking work ---

    async def _pull_until_drained(self) -> None:
        pause = LEAST_PAUSE_S
        while not self._draining:
            want = self._prefetch.want(self._standing())
            if self._in_doubt and self._owes:
                await self._wait_for_end_of_a_run()
            elif want == 0:
                if not await self._wait_for_a_free_core():
                    await self._pull(0)
            elif not await self._has_room():
                log.warning("scratch_full", reserve_bytes=self._scratch.reserve_bytes)
                # Who is not heard of for long counts as dead, to others and to itself.
                await self._pull(0)
                await asyncio.sleep(FULL_PAUSE_S)
            elif await self._pull(want):
                pause = LEAST_PAUSE_S
            else:
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(LONGEST_PAUSE_S, 2 * pause)

    async def _has_room(self) -> bool:
        room = await asyncio.to_thread(self._scratch.has_room)
        self._registry.scratch_full = not room
        return room

    async def _pull(self, want: int) -> bool:
        if self._in_doubt:
            # Nothing is held: whatever the registry has down for this worker never arrived.
            await self._registry.give_up()
            self._in_doubt = False
        batch = self._take_outbox()
        done = [commit for commit, _ in batch]
        try:
            reply = await self._registry.lease(want, done, self._settings.poll_s)
        except Unavailable as error:
            log.warning("lease_failed", reason=error.internal)
            self._in_doubt = True
            # Handed in twice, a commit gets the same answer.
            self._return_to_outbox(batch)
            return False
        self._waiting = reply.waiting
        for lease in reply.leases:
            self._start_run(lease)
        self._settle(batch, reply.verdicts)
        if reply.drain:
            self.drain()
        return True

    @property
    def _owes(self) -> bool:
        return bool(self._held or self._outbox or self._committing)

    def _standing(self) -> Standing:
        codec = self._tools.codec
        unstarted = codec.queued + sum(run.staging for run in self._held.values())
        return Standing(len(self._held), unstarted, codec.spare, self._waiting)

    def _backlog(self) -> int:
        return self._waiting + sum(run.staging for run in self._held.values())

    async def _wait_for_a_free_core(self) -> bool:
        """False: it took long enough to ask whether tasks still wait at the registry. If not, what
        is held behind a long task is given back."""
        try:
            async with asyncio.timeout(LOOK_AGAIN_S if self._waiting else None):
                await self._wait_for_end_of_a_run()
        except TimeoutError:
            return False
        return True

    async def _wait_for_end_of_a_run(self) -> None:
        self._freed.clear()
        await self._freed.wait()

    def _start_run(self, lease: Lease) -> None:
        key = (lease.job_id, lease.task, lease.fence)
        if key in self._held:
            return
        run = TaskRun(lease, self._tools, self._scratch, self._clock)
        self._held[key] = run
        self._idle.clear()
        self._keep(run.start(self._on_end))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._freed.set()

    def _on_end(self, run: TaskRun) -> None:
        lease, commit = run.lease, run.commit
        del self._held[lease.job_id, lease.task, lease.fence]
        self._idle_since = self._clock()
        self._freed.set()
        if not self._held:
            self._idle.set()
        if run.run_s:
            self._prefetch.record(run.run_s)
        if run.published and (commit is None or not commit.outputs):
            self._keep(asyncio.create_task(run.take_back()))
        if commit is not None:
            self._outbox.append((commit, run))
            self._to_commit.set()

    # --- handing in ---

    async def _commit_for_ever(self) -> None:
        while True:
            await self._to_commit.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), GATHER_S)
            self._to_commit.clear()
            # A call for more tasks may have taken them along.
            if batch := self._take_outbox():
                verdicts = await self._registry.commit([commit for commit, _ in batch])
                self._settle(batch, verdicts)

    def _take_outbox(self) -> _Batch:
        batch, self._outbox = self._outbox, []
        self._committing += len(batch)
        return batch

    def _return_to_outbox(self, batch: _Batch) -> None:
        self._committing -= len(batch)
        self._outbox = batch + self._outbox
        if self._outbox:
            self._to_commit.set()

    def _settle(self, batch: _Batch, verdicts: Sequence[Verdict]) -> None:
        accepted = {(v.job_id, v.task, v.fence) for v in verdicts if v.accepted}
        outcomes: Counter[tuple[str, str]] = Counter()
        for commit, run in batch:
            taken = (commit.job_id, commit.task, commit.fence) in accepted
            outcome = commit.outcome.value if taken else "refused"
            outcomes[run.lease.operation, outcome] += 1
            self._account(commit, run, outcome)
            if not taken and run.published:
                self._keep(asyncio.create_task(run.take_back()))
        for (operation, outcome), count in outcomes.items():
            TASKS.add(count, pool=self._pool, operation=operation, outcome=outcome)
        self._committing -= len(batch)
        self._freed.set()

    def _account(self, commit: Commit, run: TaskRun, outcome: str) -> None:
        self._done += 1
        operation = run.lease.operation
        seconds = self._clock() - run.began
        TASK_SECONDS.observe(seconds, pool=self._pool, operation=operation)
        if commit.error is not None and outcome in ("failed", "crashed"):
            FAILURES.add(pool=self._pool, operation=operation, code=commit.error.code)
        frames = sum(int(file.facts.get("frames") or 0) for file in commit.outputs)
        FRAMES.add(frames, pool=self._pool, operation=operation)
        if run.average_speed:
            SPEED.observe(run.average_speed, pool=self._pool, operation=operation)
        # The registry logs every change of a job's state; here it is the worker's view of it.
        line = self._log.debug if outcome == "succeeded" else self._log.info
        line(
            "attempt_ended",
            job_id=commit.job_id,
            task=commit.task,
            fence=commit.fence,
            operation=operation,
            outcome=outcome,
            code=commit.error.code if commit.error else None,
            seconds=round(seconds, 3),
        )

    # --- reporting and obeying ---

    async def _report_for_ever(self) -> None:
        call: asyncio.Task[None] | None = None
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            self._stop_overdue()
            if self._held and (call is None or call.done()):
                call = asyncio.create_task(self._report_once())

    async def _report_once(self) -> None:
        asked = self._clock()
        reports = [run.report(asked) for run in self._held.values() if not run.ended]
        if not reports:
            return
        try:
            verdicts = await self._registry.report(reports)
        except Unavailable as error:
            log.warning("report_failed", reason=error.internal)
            return
        for verdict in verdicts:
            self._obey(verdict, asked)

    def _obey(self, verdict: Verdict, asked: float) -> None:
        run = self._held.get((verdict.job_id, verdict.task, verdict.fence))
        if run is None or run.ended:
            return
        if not verdict.accepted:
            run.stop(Stop.FENCED)
        elif verdict.stop:
            run.stop(Stop.ORDERED)
        else:
            run.renewed = asked

    def _stop_overdue(self) -> None:
        now = self._clock()
        for run in list(self._held.values()):
            if now - run.renewed > run.lease.ttl_s:
                # Another worker may have it by now.
                run.stop(Stop.LOST)
        if self._give_back_at is not None and now >= self._give_back_at:
            for run in list(self._held.values()):
                run.stop(Stop.RETURNED)
        elif (
            not self._waiting
            and len(self._held) > 1
            and self._tools.codec.blocked_s() > GIVE_BACK_S
        ):
            self._prefetch.expect_long_task()
            for run in list(self._held.values()):
                if run.queued_behind:
                    run.stop(Stop.RETURNED)
