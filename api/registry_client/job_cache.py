"""Jobs that this process has seen, handed out again only while the registry vouches for them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable

from reelyard.actors.jobs.messages import FROM_NOW, Changes
from reelyard.actors.jobs.model import Job, State

KEPT_JOBS = 4096
STALE_S = 10.0
"""After so long without a look-up, starting anew is cheaper than hearing of every change."""


class JobCache:
    """Look-ups that transfer a job only when it has changed.

    `changes(after, 0)` tells in one small call which of all known jobs changed; those, and the
    unknown ones, are fetched by `get_many`. A job that has succeeded never changes again and
    needs no call at all. Look-ups must not overlap. Jobs from here must not be changed.
    """

    def __init__(
        self,
        changes: Callable[[int, float], Awaitable[Changes]],
        get_many: Callable[[list[str]], Awaitable[dict[str, Job]]],
        size: int = KEPT_JOBS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changes = changes
        self._get_many = get_many
        self._size = size
        self._clock = clock
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._epoch = ""
        self._seq = FROM_NOW
        self._asked_at = self._outdated_at = float("-inf")

    def finished(self, job_id: str) -> Job | None:
        """The job if it is known to have succeeded, and nothing of it has expired since."""
        job = self._known(job_id)
        # Failed and cancelled jobs may be tried again.
        return job if job is not None and job.state is State.SUCCEEDED else None

    def unfinished(self, job_id: str) -> Job | None:
        """The job, however long ago it was seen, if it had not ended by then."""
        job = self._known(job_id)
        # An end that may be undone is told only as of now: whoever polls stops at it.
        return job if job is not None and not job.state.terminal else None

    def recent(self, job_id: str, within_s: float) -> Job | None:
        """`unfinished`, as it was at most `within_s` seconds ago and after the last `outdate`."""
        asked = self._asked_at
        if asked <= self._outdated_at or self._clock() - asked > within_s:
            return None
        return self.unfinished(job_id)

    def outdate(self) -> None:
        """Jobs have been changed, or told of, past this memory: it is recent no longer."""
        self._outdated_at = self._clock()

    async def look_up(self, job_ids: list[str]) -> dict[str, Job]:
        """Those of the jobs that exist, as they are no earlier than this call."""
        await self._catch_up()
        found = {job_id: job for job_id in job_ids if (job := self._known(job_id)) is not None}
        missing = [job_id for job_id in job_ids if job_id not in found]
        if missing:
            fetched = await self._get_many(missing)
            for job_id, job in fetched.items():
                self._keep(job_id, job)
            found |= fetched
        return found

    def _known(self, job_id: str) -> Job | None:
        if (job := self._jobs.get(job_id)) is None:
            return None
        if time.time() * 1000 >= min(job.expires_ms, job.outputs_expire_ms or job.expires_ms):
            del self._jobs[job_id]
            return None
        self._jobs.move_to_end(job_id)
        return job

    async def _catch_up(self) -> None:
        now = self._clock()
        if now - self._asked_at > STALE_S:
            self._seq = FROM_NOW
        changes = await self._changes(self._seq, 0)
        if changes.epoch != self._epoch or self._seq == FROM_NOW:
            self._jobs.clear()
        else:
            self._drop(changes.job_ids)
        self._epoch, self._seq, self._asked_at = changes.epoch, changes.seq, now

    def _drop(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            self._jobs.pop(job_id, None)

    def _keep(self, job_id: str, job: Job) -> None:
        self._jobs[job_id] = job
        if len(self._jobs) > self._size:
            self._jobs.popitem(last=False)
