"""The submission of jobs: checked, charged and stored, new ones or those begun anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from reelyard.actors.jobs import ledger, transitions
from reelyard.actors.jobs.messages import Accepted, Refusal, Submission
from reelyard.actors.jobs.model import Change, Job, State
from reelyard.actors.jobs.times import DAY_MS, HOUR_MS
from reelyard.actors.registry.accounts.credits import Credits
from reelyard.actors.registry.repository import JobRepository, PendingWrite
from reelyard.actors.registry.store.protocol import IdempotencyKey
from reelyard.cluster.errors import (
    Conflict,
    IdempotencyMismatch,
    NotFound,
    RateLimited,
    ReelyardError,
)
from reelyard.cluster.settings import Settings


class _Candidate(NamedTuple):
    place: int
    submission: Submission


class Submitter:
    """Checks, charges, and hands on to be written and queued."""

    def __init__(
        self,
        settings: Settings,
        repository: JobRepository,
        credits: Credits,
        clock_ms: Callable[[], int],
        delete_files: Callable[[Sequence[Job]], Awaitable[None]],
        refusal: Callable[[], ReelyardError | None],
    ) -> None:
        self._repository = repository
        self._credits = credits
        self._clock_ms = clock_ms
        self._delete_files = delete_files
        self._refusal = refusal
        self._max_open = settings.max_queued_jobs
        self._retention_ms = round(settings.record_retention_days * DAY_MS)
        self._key_ttl_ms = round(settings.idempotency_ttl_hours * HOUR_MS)
        self._writing = 0

    async def submit(self, batch: Sequence[Submission]) -> list[Accepted | Refusal]:
        """An answer for each, in order; what is accepted is on disk."""
        answers: list[Accepted | Refusal | None] = [None] * len(batch)
        fresh: list[_Candidate] = []
        for place, submission in enumerate(batch):
            answers[place] = await self._known(submission) or await self._replay(submission)
            if answers[place] is None:
                fresh.append(_Candidate(place, submission))
        writes: list[PendingWrite] = []
        places: list[_Candidate] = []
        try:
            for candidate in fresh:
                try:
                    writes.append(await self._begin(candidate.submission))
                    places.append(candidate)
                except ReelyardError as error:
                    answers[candidate.place] = Refusal.of(error)
            verdicts = await self._credits.settle(writes, self._repository.save(writes))
        finally:
            self._writing -= len(writes)
        for write, candidate, verdict in zip(writes, places, verdicts, strict=True):
            answers[candidate.place] = (
                Accepted(write.job) if verdict else await self._already_there(candidate.submission)
            )
        return [answer for answer in answers if answer is not None]

    async def _known(self, submission: Submission) -> Accepted | Refusal | None:
        """The answer to a job that came in before, once it is on disk as it is."""
        known = self._repository.current(submission.job.id)
        if known is None:
            return None
        await self._repository.flushed([known.id])
        return _repeated(submission, known)

    async def _replay(self, submission: Submission) -> Accepted | Refusal | None:
        """What the first request with this idempotency key got; None if this is the first."""
        if submission.idempotency_key is None:
            return None
        tenant, key = submission.job.tenant, submission.idempotency_key
        first = await self._repository.store.find_key(tenant, key, self._clock_ms())
        if first is None:
            return None
        if first.fingerprint != submission.fingerprint:
            return Refusal.of(
                IdempotencyMismatch(
                    f"idempotency key {key!r} was used for another request",
                    details={"job_id": first.job_id},
                )
            )
        job = (await self._repository.get_many([first.job_id])).get(first.job_id)
        return Accepted(job, replayed=True) if job is not None else None

    async def _begin(self, submission: Submission) -> PendingWrite:
        job, now = submission.job, self._clock_ms()
        if (refused := self._refusal()) is not None:
            raise refused
        if self._repository.open_count + self._writing >= self._max_open:
            raise RateLimited(
                f"{self._max_open} jobs are waiting already; try again later", retry_after_s=10
            )
        self._repository.vault.hide(job)
        if job.credits:
            await self._credits.load(job.tenant)
            self._credits.reserve(job.tenant, job.credits)
        job.rev = 0
        job.expires_ms = job.expires_ms or now + self._retention_ms
        if not job.history:
            job.history = [Change(seq=1, at_ms=now, state=State.QUEUED)]
        self._writing += 1
        return PendingWrite(job, None, ledger.charge(job, now), self._key_of(submission, now))

    def _key_of(self, submission: Submission, now_ms: int) -> IdempotencyKey | None:
        if submission.idempotency_key is None:
            return None
        return IdempotencyKey(
            tenant=submission.job.tenant,
            key=submission.idempotency_key,
            fingerprint=submission.fingerprint,
            job_id=submission.job.id,
            expires_ms=now_ms + self._key_ttl_ms,
            at_ms=now_ms,
        )

    async def _already_there(self, submission: Submission) -> Accepted | Refusal:
        """The store refused a new job: its id or its key is taken."""
        job_id = submission.job.id
        stored = (await self._repository.get_many([job_id])).get(job_id)
        if stored is not None:
            return _repeated(submission, stored)
        replayed = await self._replay(submission)
        return replayed or Refusal.of(Conflict(f"job {job_id} could not be stored; try again"))

    # --- begun anew ---

    async def retry(self, job_id: str, tenant: str | None) -> Job:
        """Begin a failed job anew. Raises what `transitions.retry` does, and `NotFound`,
        `InsufficientCredits`, `SourceUnreadable` if the secrets of its URLs are lost."""
        job = (await self._repository.get_many([job_id])).get(job_id)
        if job is None or tenant not in (None, job.tenant):
            raise NotFound(f"there is no job {job_id!r}", details={"job_id": job_id})
        transitions.check_retry(job)
        for task in job.tasks:
            self._repository.vault.open(task)
        await self._credits.load(job.tenant)
        if job.outputs_expire_ms is not None:
            await self._delete_files([job])
        self._credits.reserve(job.tenant, job.credits)
        now, was = self._clock_ms(), job.state
        try:
            transitions.retry(job, now)
        except ReelyardError:
            self._credits.settled(job.tenant, -job.credits, kept=False)
            raise
        self._repository.reopen(job)
        try:
            (done,) = await self._repository.save([PendingWrite(job, was, ledger.charge(job, now))])
        except BaseException:
            self._credits.doubtful(job.tenant, -job.credits)
            raise
        self._credits.settled(job.tenant, -job.credits, kept=done)
        if not done:
            raise Conflict(f"job {job_id} was changed by somebody else; try again")
        return job


def _repeated(submission: Submission, stored: Job) -> Accepted | Refusal:
    """The same job came in before: the caller did not hear our answer."""
    if stored.tenant != submission.job.tenant:
        return Refusal.of(Conflict(f"job id {stored.id} is taken"))
    return Accepted(stored, replayed=True)
