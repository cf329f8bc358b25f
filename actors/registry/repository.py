"""The repository of jobs: a change goes to memory first, then to the store, then to the news.

Nobody sees a change before it is on disk: readers of a job that is being written wait for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import NamedTuple

import structlog

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.model import TERMINAL, Job, State
from reelyard.actors.registry.change_log import ChangeLog
from reelyard.actors.registry.scheduling.live_jobs import LiveJobs
from reelyard.actors.registry.state_log import StateLog
from reelyard.actors.registry.store.protocol import IdempotencyKey, JobStore, Write
from reelyard.actors.registry.vault import Vault

log = structlog.get_logger(__name__)

RECENT_JOBS = 4096


class PendingWrite(NamedTuple):
    """A job that has just been changed in memory."""

    job: Job
    was: State | None
    """Its state before; None if it is new."""
    ledger: tuple[LedgerEntry, ...] = ()
    key: IdempotencyKey | None = None


class JobRepository:
    """Writes changes, keeps the live jobs in line with the store, spreads the news."""

    def __init__(
        self,
        store: JobStore,
        live_jobs: LiveJobs,
        change_log: ChangeLog,
        wake: Callable[[Sequence[str]], None],
        vault: Vault,
    ) -> None:
        self.store = store
        self.vault = vault
        self.live_jobs = live_jobs
        self.counts: Counter[str] = Counter()
        self._change_log = change_log
        self._wake = wake
        self._log = StateLog()
        self._flushing: dict[str, asyncio.Future[None]] = {}
        self._recent: OrderedDict[str, Job] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()
        self._settled = 0
        """Writes that have ended."""
        self._miscounted = False

    async def rebuild(self) -> None:
        """Take in the open jobs of the store. Raises `Unavailable`."""
        self.counts = Counter(await self.store.counts())
        async for jobs in self.store.active():
            self.vault.hide(*jobs)
            for job in jobs:
                self.live_jobs.admit(job)

    async def save(self, pending: Sequence[PendingWrite]) -> list[bool]:
        """Make changes durable, then queue the tasks that are ready; False: somebody else changed
        that job, and it was read anew.

        The jobs are written as they are at the call. Raises `Unavailable` or `StorageFull`; then
        they are read anew too.
        """
        if not pending:
            return []
        merged = _merge(pending)
        flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        writes = []
        states = []
        self.vault.hide(*(job for job, *_ in merged if not job.secrets_hidden))
        for job, _, ledger, key in merged:
            job.rev += 1
            writes.append(Write(job, job.rev - 1, ledger, key))
            states.append(job.state)
            self._flushing[job.id] = flushed
        written: asyncio.Future[list[bool]]
        try:
            written = self.store.write(writes)
        except Exception as error:  # noqa: BLE001 - as if the write itself had failed
            written = asyncio.get_running_loop().create_future()
            written.set_exception(error)
        # A caller that goes away must not keep the outcome from being taken in.
        settling = asyncio.ensure_future(self._settle(merged, states, written, flushed))
        verdicts = await asyncio.shield(settling)
        if len(merged) == len(pending):
            return verdicts
        of_job = {write.job.id: verdict for write, verdict in zip(merged, verdicts, strict=True)}
        return [of_job[write.job.id] for write in pending]

    async def _settle(
        self,
        pending: Sequence[PendingWrite],
        states: Sequence[State],
        written: asyncio.Future[list[bool]],
        flushed: asyncio.Future[None],
    ) -> list[bool]:
        try:
            verdicts = await written
        except Exception:
            self._flushed(pending, flushed)
            ids = [write.job.id for write in pending]
            self._doubt(ids)
            # New jobs too: only the answer may have been lost.
            self._later(self._resync_until_done(ids))
            raise
        refused = []
        done = []
        for write, state, verdict in zip(pending, states, verdicts, strict=True):
            if verdict:
                self._take_in(write, state)
                done.append((write.job, write.was, state))
            elif write.was is not None:
                refused.append(write.job.id)
        self._flushed(pending, flushed)
        self._wake([pool for job, was, _ in done for pool in self._queue(job, new=was is None)])
        self._change_log.add([job.id for job, _, _ in done])
        self._log.write(done)
        if refused:
            self._doubt(refused)
            await self._resync(refused)
        return verdicts

    def _flushed(self, pending: Sequence[PendingWrite], flushed: asyncio.Future[None]) -> None:
        for write in pending:
            if self._flushing.get(write.job.id) is flushed:
                del self._flushing[write.job.id]
        self._settled += 1
        flushed.set_result(None)

    def _take_in(self, write: PendingWrite, state: State) -> None:
        job, was = write.job, write.was
        if state is not was:
            self.counts[state] += 1
            if was is not None:
                self.counts[was] -= 1
        if state in TERMINAL and job.state is state:
            self.live_jobs.forget(job.id)
            self._remember(job)

    def _queue(self, job: Job, *, new: bool) -> list[str]:
        """Queue what of a written job can run; the pools that have a task more."""
        if new:
            return self.live_jobs.admit(job)
        if job.state in TERMINAL or job.id in self._flushing or job.id not in self.live_jobs.jobs:
            return []  # over, or a later write sees to it
        return self.live_jobs.enqueue(job)

    def _remember(self, job: Job) -> None:
        self._recent[job.id] = job
        self._recent.move_to_end(job.id)
        if len(self._recent) > RECENT_JOBS:
            self._recent.popitem(last=False)

    # --- reading ---

    @property
    def open_count(self) -> int:
        """Jobs that have not ended."""
        return self.counts[State.QUEUED] + self.counts[State.RUNNING]

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs that exist, as they are on disk (with newer progress)."""
        stored: dict[str, Job] = {}
        asked: set[str] = set()
        while True:
            # Last before the answer: what is known may have been changed while the store was read.
            await self.flushed(job_ids)
            missing = [i for i in job_ids if i not in asked and self.current(i) is None]
            if not missing:
                break
            stored |= await self._read(missing)
            asked.update(missing)
        found = ((job_id, self.current(job_id) or stored.get(job_id)) for job_id in job_ids)
        return {job_id: job for job_id, job in found if job is not None}

    async def _read(self, job_ids: Sequence[str]) -> dict[str, Job]:
        found = await self.store.get_many(job_ids)
        self.vault.hide(*found.values())
        return found

    async def flushed(self, job_ids: Sequence[str]) -> None:
        """Wait until what is known of these jobs is on disk."""
        while pending := {at for i in job_ids if (at := self._flushing.get(i)) is not None}:
            await asyncio.wait(pending)

    async def open_jobs(self, job_ids: Sequence[str]) -> None:
        """See to it that those of the jobs that are open are in memory."""
        missing = [i for i in job_ids if i not in self.live_jobs.jobs and i not in self._recent]
        if missing:
            await self._resync(missing)

    def current(self, job_id: str) -> Job | None:
        """The job as this process knows it, without asking the store."""
        return self.live_jobs.jobs.get(job_id) or self._recent.get(job_id)

    def reopen(self, job: Job) -> None:
        """An ended job is about to be begun anew."""
        self._recent.pop(job.id, None)
        self.live_jobs.jobs[job.id] = job

    def drop(self, jobs: Sequence[Job], count: int) -> None:
        """These records are gone, `count` of them just now."""
        for job in jobs:
            self._recent.pop(job.id, None)
            self.counts[job.state] -= 1
        # Some of them may have gone before, or not at all.
        self._miscounted |= count != len(jobs)

    # --- falling out of step with the store ---

    def _doubt(self, job_ids: Sequence[str]) -> None:
        """What is known of these jobs may be wrong: read them before they are used again."""
        self._miscounted = True
        for job_id in job_ids:
            self.live_jobs.forget(job_id)
            self._recent.pop(job_id, None)

    async def _resync(self, job_ids: Sequence[str]) -> None:
        """Read jobs that are not known (any more)."""
        stored = await self._read(job_ids)
        for job_id in job_ids:
            job = stored.get(job_id)
            if job is None or self.current(job_id) is not None:
                continue  # somebody else was quicker
            if job.state.terminal:
                self._remember(job)
            else:
                self._wake(self.live_jobs.admit(job))

    async def _resync_until_done(self, job_ids: Sequence[str]) -> None:
        delay = 0.1
        while True:
            try:
                await self._resync(job_ids)
            except Exception as error:  # noqa: BLE001 - whatever it is, there is no other way on
                log.warning("store_unavailable", jobs=len(job_ids), error=str(error))
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
            else:
                # Their changes may have been made, and nobody has heard of it.
                self._change_log.add(job_ids)
                return

    async def recount(self) -> None:
        """After writes of unknown outcome: read the counts anew, unless writes are under way."""
        if not self._miscounted or self._flushing:
            return
        settled = self._settled
        counts = Counter(await self.store.counts())
        if settled == self._settled and not self._flushing:
            self.counts = counts
            self._miscounted = False

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Let go of background work, and of the store."""
        for task in list(self._background):
            task.cancel()
        if self._flushing:
            await asyncio.wait(set(self._flushing.values()))
        await self.store.close()


def _merge(writes: Sequence[PendingWrite]) -> Sequence[PendingWrite]:
    """One write a job: two tasks of a job may end, or be handed out, together."""
    if len({write.job.id for write in writes}) == len(writes):
        return writes
    merged: dict[str, PendingWrite] = {}
    for write in writes:
        first = merged.get(write.job.id, write)
        entries = first.ledger + write.ledger if first is not write else write.ledger
        merged[write.job.id] = write._replace(was=first.was, ledger=entries)
    return list(merged.values())
