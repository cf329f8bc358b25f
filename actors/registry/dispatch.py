"""Tasks out to workers, and what they bring back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from actors.jobs.messages import Commit, Lease, LeaseReply, Report, Verdict, WorkerInfo
from actors.jobs.model import Attempt, ErrorInfo, Job, Outcome, State, Task
from actors.registry import ledger, transitions
from actors.registry.accounts import Accounts
from actors.registry.feed import ChangeFeed
from actors.registry.interface import LedgerEntry
from actors.registry.journal import Journal, Step
from actors.registry.leases import Holding
from actors.registry.queue import Entry
from actors.registry.retries import RetryPolicy
from actors.registry.stats import Stats
from actors.registry.verdicts import (
    fallback_note,
    lease_of,
    outdated,
    repeated,
    task_of,
    verdict,
)
from actors.registry.waiting import WaitingRoom
from cluster.errors import NotFound, ReelyardError
from cluster.settings import Settings

HOUR_MS = 3_600_000
RETRIES = 3
"""Tries to bring in a commit when somebody else writes the same job."""
FALLBACK_AFTER_MS = 15_000
"""A registry that has not been told who is there waits so long for a gpu worker to call."""
LATELY_MS = 30_000
"""A worker that has not asked for work for longer is busy with something long, or gone."""


class Seen(NamedTuple):
    """The process that last asked for work from a slot."""

    pool: str
    incarnation: str
    at_ms: int


def _entries(steps: Iterable[Step]) -> Iterable[LedgerEntry]:
    return (entry for step in steps for entry in step.ledger)


class Dispatch:
    """Leases, reports, commits, lost workers."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        accounts: Accounts,
        room: WaitingRoom,
        feed: ChangeFeed,
        stats: Stats,
        clock_ms: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._board = journal.board
        self._accounts = accounts
        self._room = room
        self._feed = feed
        self._stats = stats
        self._clock_ms = clock_ms
        self._ttl_s = settings.lease_ttl_s
        self._retention_ms = round(settings.output_retention_hours * HOUR_MS)
        self._policy = RetryPolicy(settings.max_attempts, settings.max_crashes)
        self._started_ms = clock_ms()
        self.draining: dict[str, str] = {}
        """Slot to the incarnation that is to finish."""
        self.staffed: dict[str, list[str]] | None = None
        """Pool to its slots, as the pool manager says; None before it has spoken."""
        self.seen: dict[str, Seen] = {}
        """Slots that asked for work."""
        self._replaced: dict[str, str] = {}
        """Slot to the process before the present one."""

    # --- handing out ---

    async def lease(
        self, worker: WorkerInfo, want: int, done: Sequence[Commit], wait_s: float
    ) -> LeaseReply:
        """Up to `want` tasks; waits for the first unless something is handed in."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        await self._welcome(worker)
        if done:
            return await self._exchange(worker, want, done)
        while True:
            drain = self._drains(worker)
            leases = [] if drain else await self._hand_out(worker, want)
            left = end - loop.time()
            if leases or drain or want <= 0 or left <= 0:
                return LeaseReply(leases, [], drain)
            pools = self._pools(worker)
            if not self._board.queue.has_ready(pools):
                await self._room.wait(worker.incarnation, pools, want, left)

    async def _exchange(self, worker: WorkerInfo, want: int, done: Sequence[Commit]) -> LeaseReply:
        """Bring in and hand out, in one write of the store where both are possible."""
        drain = self._drains(worker)
        verdicts, leases = await asyncio.gather(
            self.commit(done),
            self._hand_out(worker, 0 if drain else want),
            return_exceptions=True,
        )
        # Only once both have ended: a worker that gets no answer gives up what it was handed.
        if isinstance(verdicts, BaseException):
            raise verdicts
        if isinstance(leases, BaseException):
            raise leases
        if not leases and not drain:
            # What was brought in may have made other tasks ready.
            leases = await self._hand_out(worker, want)
        return LeaseReply(leases, verdicts, drain)

    def _drains(self, worker: WorkerInfo) -> bool:
        told = (self.draining.get(worker.slot), self._replaced.get(worker.slot))
        return worker.incarnation in told

    async def _welcome(self, worker: WorkerInfo) -> None:
        """A slot's new process gives up what its predecessor still held."""
        if self._replaced.get(worker.slot) == worker.incarnation:
            return  # it was stopped for a while, and must not take its successor's tasks
        last = self.seen.get(worker.slot)
        if last is not None and last.incarnation != worker.incarnation:
            self._replaced[worker.slot] = last.incarnation
        self.seen[worker.slot] = Seen(worker.pool, worker.incarnation, self._clock_ms())
        left = self._board.leases.left_behind(worker.slot, worker.incarnation)
        if left:
            await self.lose(left)

    def drain(self, slots: Sequence[str]) -> None:
        """The processes that now fill these slots get no more work, and are told to finish."""
        for slot in slots:
            if (seen := self.seen.get(slot)) is not None:
                self.draining[slot] = seen.incarnation
                self._room.wake_worker(seen.incarnation)

    def _pools(self, worker: WorkerInfo) -> list[str]:
        pools = list(worker.takes)
        if "cpu" in pools and "gpu" not in pools and self._no_gpu_worker():
            pools.insert(pools.index("cpu") + 1, "gpu")
        return pools

    def _no_gpu_worker(self) -> bool:
        if self.staffed is not None:
            return not self.staffed.get("gpu")
        if any(seen.pool == "gpu" for seen in self.seen.values()):
            return False
        return self._clock_ms() - self._started_ms > FALLBACK_AFTER_MS

    async def _hand_out(self, worker: WorkerInfo, want: int) -> list[Lease]:
        pools = self._pools(worker)
        entries = self._board.queue.pop(pools, min(want, self._share(pools)))
        jobs = self._board.jobs
        cold = [entry.job_id for entry in entries if entry.job_id not in jobs]
        if cold:
            await self._warm(cold, entries)
        now = self._clock_ms()
        leases: list[Lease] = []
        steps: list[Step] = []
        for entry in entries:
            job = jobs.get(entry.job_id)
            task = task_of(job, entry.task)
            if job is None or task is None or task.state is not State.QUEUED:
                continue  # it ended while it was being read
            was = job.state
            transitions.start_attempt(job, task, worker, now)
            self._board.hold(job, task)
            steps.append(Step(job, was))
            leases.append(lease_of(job, task, worker.pool, self._ttl_s))
        verdicts = await self._journal.perform(steps)
        return [lease for lease, kept in zip(leases, verdicts, strict=True) if kept]

    def _share(self, pools: Sequence[str]) -> int:
        """As many tasks as one worker may take of what waits for `pools`, so that the others that
        have asked for work lately get as many: the last tasks of a run end at the same time."""
        since = self._clock_ms() - LATELY_MS
        workers = sum(seen.at_ms >= since and seen.pool in pools for seen in self.seen.values())
        waiting = sum(self._board.queue.queued(pool) for pool in pools)
        return -(-waiting // max(1, workers))

    async def _warm(self, job_ids: list[str], entries: list[Entry]) -> None:
        """Read jobs of which only the place in the queue was kept."""
        try:
            found = await self._journal.get_many(job_ids)
        except ReelyardError:
            self._board.give_back(entries)
            raise
        for job in found.values():
            if not job.state.terminal:
                self._board.jobs.setdefault(job.id, job)

    # --- bringing in ---

    def heard_of(self, slot: str, incarnation: str) -> None:
        """A process called: after a restart this tells who fills the slot."""
        seen = self.seen.get(slot)
        if seen is not None and seen.incarnation == incarnation:
            self.seen[slot] = seen._replace(at_ms=self._clock_ms())

    def report(self, reports: Sequence[Report]) -> list[Verdict]:
        """Take progress in memory and renew leases. Jobs not on the board count as ended."""
        now = self._clock_ms()
        verdicts = []
        changed = []
        for report in reports:
            job = self._journal.current(report.job_id)
            task = task_of(job, report.task)
            if job is None or task is None:
                verdicts.append(verdict(report, accepted=False))
                continue
            taken = transitions.apply_report(job, task, report, now)
            if taken:
                self._board.renew((report.job_id, report.task), report.fence)
                changed.append(report.job_id)
                verdicts.append(verdict(report, accepted=True))
            else:
                verdicts.append(outdated(report, task))
        self._feed.add(changed)
        return verdicts

    async def commit(self, commits: Sequence[Commit]) -> list[Verdict]:
        """Bring in finished attempts; the verdicts hold once this returns."""
        verdicts: dict[int, Verdict] = {}
        left = list(enumerate(commits))
        for _ in range(RETRIES):
            await self._journal.open_jobs([commit.job_id for _, commit in left])
            steps: list[Step] = []
            tried: list[tuple[int, Commit]] = []
            settled: list[str] = []
            for place, commit in left:
                step = self._apply(commit)
                if isinstance(step, Verdict):
                    verdicts[place] = step
                    settled.append(commit.job_id)
                else:
                    steps.append(step)
                    tried.append((place, commit))
            for (place, commit), kept in zip(tried, await self._finish(steps), strict=True):
                if kept:
                    verdicts[place] = verdict(commit, accepted=True)
            await self._journal.flushed(settled)
            left = [(place, commit) for place, commit in tried if place not in verdicts]
            if not left:
                break
        for place, commit in left:
            verdicts[place] = verdict(commit, accepted=False)
        return [verdicts[place] for place in range(len(commits))]

    def _apply(self, commit: Commit) -> Step | Verdict:
        job = self._journal.current(commit.job_id)
        task = task_of(job, commit.task)
        if job is None or task is None:
            return verdict(commit, accepted=False)
        attempt = transitions.running_attempt(task, commit.fence)
        if attempt is None:
            return repeated(commit, task)
        was, now = job.state, self._clock_ms()
        self._board.leases.release((job.id, task.name))
        self._end(job, task, attempt, commit, now)
        return Step(job, was, self._refund(job, now))

    def _end(self, job: Job, task: Task, attempt: Attempt, commit: Commit, now: int) -> None:
        if commit.crashed:
            self._end_badly(job, task, Outcome.CRASHED, commit.error, now)
        elif commit.returned or commit.stopped:
            self._end_badly(job, task, Outcome.RETURNED, commit.error, now)
        elif commit.error is not None:
            self._end_badly(job, task, Outcome.FAILED, commit.error, now)
        else:
            result = commit.result
            if note := fallback_note(task, attempt.pool):
                result = {**(result or {}), "note": note}
            transitions.succeed_task(job, task, commit.outputs, result, now, self._retention_ms)
            self._stats.finished(task.operation, (now - attempt.started_ms) / 1000, now)

    def _end_badly(
        self, job: Job, task: Task, outcome: Outcome, error: ErrorInfo | None, now: int
    ) -> None:
        transitions.end_badly(job, task, outcome, error, self._policy, now)

    def _refund(self, job: Job, now: int) -> tuple[LedgerEntry, ...]:
        entries = ledger.refund(job, now)
        if entries:
            self._accounts.refund(job.tenant, job.credits)
        return entries

    async def _finish(self, steps: list[Step]) -> list[bool]:
        """Write steps that may have ended jobs."""
        for step in steps:
            if step.job.state.terminal:
                self._board.clear(step.job)
        try:
            kept = await self._journal.perform(steps)
        except BaseException:
            for entry in _entries(steps):
                self._accounts.doubtful(entry.tenant, entry.credits)
            raise
        for step, good in zip(steps, kept, strict=True):
            for entry in step.ledger:
                self._accounts.settled(entry.tenant, entry.credits, kept=good)
        return kept

    # --- ending early ---

    async def lose(self, holdings: Iterable[Holding]) -> int:
        """Their workers are gone: run those tasks again, elsewhere."""
        steps = []
        now = self._clock_ms()
        for holding in holdings:
            job = self._board.jobs.get(holding.key[0])
            task = task_of(job, holding.key[1])
            if self._board.leases.get(holding.key, holding.fence) is not None:
                self._board.leases.release(holding.key)
            if job is None or task is None:
                continue
            if transitions.running_attempt(task, holding.fence) is None:
                continue
            was = job.state
            self._end_badly(job, task, Outcome.LOST, None, now)
            steps.append(Step(job, was, self._refund(job, now)))
        return sum(await self._finish(steps))

    async def cancel(self, job_id: str, tenant: str | None) -> Job:
        """End a job. Raises `NotFound`, `AlreadyFinished`."""
        for _ in range(RETRIES):
            job = (await self._journal.get_many([job_id])).get(job_id)
            if job is None or tenant not in (None, job.tenant):
                break
            if job.state is State.CANCELLED:
                return job
            now, was = self._clock_ms(), job.state
            transitions.cancel(job, now)
            (kept,) = await self._finish([Step(job, was, self._refund(job, now))])
            if kept:
                return job
        raise NotFound(f"there is no job {job_id!r}", details={"job_id": job_id})
