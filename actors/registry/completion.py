"""The end of attempts and jobs: commits, reports, lost workers, cancelled jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reelyard.actors.jobs import ledger, transitions
from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.messages import Commit, Report, Verdict
from reelyard.actors.jobs.model import Attempt, ErrorInfo, Job, Outcome, State, Task
from reelyard.actors.jobs.retries import RetryPolicy
from reelyard.actors.jobs.times import HOUR_MS
from reelyard.actors.registry.accounts.credits import Credits
from reelyard.actors.registry.change_log import ChangeLog
from reelyard.actors.registry.repository import JobRepository, PendingWrite
from reelyard.actors.registry.scheduling.leases import Holding
from reelyard.actors.registry.scheduling.run_times import RunTimes
from reelyard.actors.registry.verdicts import (
    ending_of,
    fallback_note,
    outdated,
    repeated,
    task_of,
    verdict,
)
from reelyard.cluster.errors import NotFound
from reelyard.cluster.settings import Settings
from reelyard.cluster.url_secrets import hide_secrets

RETRIES = 3
"""Tries to bring in a commit when somebody else writes the same job."""


class Completion:
    """Reports, commits, lost workers, cancelled jobs."""

    def __init__(
        self,
        settings: Settings,
        repository: JobRepository,
        credits: Credits,
        change_log: ChangeLog,
        run_times: RunTimes,
        clock_ms: Callable[[], int],
    ) -> None:
        self._repository = repository
        self._live_jobs = repository.live_jobs
        self._credits = credits
        self._change_log = change_log
        self._run_times = run_times
        self._clock_ms = clock_ms
        self._retention_ms = round(settings.output_retention_hours * HOUR_MS)
        self._policy = RetryPolicy(settings.max_attempts, settings.max_crashes, settings.max_losses)

    def report(self, reports: Sequence[Report]) -> list[Verdict]:
        """Take progress in memory and renew leases. Jobs that are not live count as ended."""
        now = self._clock_ms()
        verdicts = []
        changed = []
        for report in reports:
            job = self._repository.current(report.job_id)
            task = task_of(job, report.task)
            if job is None or task is None:
                verdicts.append(verdict(report, accepted=False))
                continue
            taken = transitions.apply_report(job, task, report, now)
            if taken:
                self._live_jobs.renew((report.job_id, report.task), report.fence)
                changed.append(report.job_id)
                verdicts.append(verdict(report, accepted=True))
            else:
                verdicts.append(outdated(report, task))
        self._change_log.add(changed)
        return verdicts

    async def commit(self, commits: Sequence[Commit]) -> list[Verdict]:
        """Bring in finished attempts; the verdicts hold once this returns."""
        verdicts: dict[int, Verdict] = {}
        left = list(enumerate(commits))
        for _ in range(RETRIES):
            await self._repository.open_jobs([commit.job_id for _, commit in left])
            writes: list[PendingWrite] = []
            tried: list[tuple[int, Commit]] = []
            settled: list[str] = []
            for place, commit in left:
                write = self._apply(commit)
                if isinstance(write, Verdict):
                    verdicts[place] = write
                    settled.append(commit.job_id)
                else:
                    writes.append(write)
                    tried.append((place, commit))
            for (place, commit), kept in zip(tried, await self._finish(writes), strict=True):
                if kept:
                    verdicts[place] = verdict(commit, accepted=True)
            await self._repository.flushed(settled)
            left = [(place, commit) for place, commit in tried if place not in verdicts]
            if not left:
                break
        for place, commit in left:
            verdicts[place] = verdict(commit, accepted=False)
        return [verdicts[place] for place in range(len(commits))]

    def _apply(self, commit: Commit) -> PendingWrite | Verdict:
        job = self._repository.current(commit.job_id)
        task = task_of(job, commit.task)
        if job is None or task is None:
            return verdict(commit, accepted=False)
        attempt = transitions.running_attempt(task, commit.fence)
        if attempt is None:
            return repeated(commit, task)
        was, now = job.state, self._clock_ms()
        self._live_jobs.leases.release((job.id, task.name))
        self._end(job, task, attempt, commit, now)
        return PendingWrite(job, was, self._refund(job, now))

    def _end(self, job: Job, task: Task, attempt: Attempt, commit: Commit, now: int) -> None:
        attempt.sizing = commit.sizing
        if commit.outcome is not Outcome.SUCCEEDED:
            self._end_badly(job, task, ending_of(commit), commit.error, now)
        else:
            # The operation had the URLs themselves, and may tell them.
            result = hide_secrets(commit.result) if task.sealed else commit.result
            if note := fallback_note(task, attempt.pool):
                result = {**(result or {}), "note": note}
            transitions.succeed_task(job, task, commit.outputs, result, now, self._retention_ms)
            self._run_times.finished(task.operation, (now - attempt.started_ms) / 1000, now)

    def _end_badly(
        self, job: Job, task: Task, outcome: Outcome, error: ErrorInfo | None, now: int
    ) -> None:
        transitions.end_badly(job, task, outcome, error, self._policy, now)

    def _refund(self, job: Job, now: int) -> tuple[LedgerEntry, ...]:
        entries = ledger.refund(job, now)
        if entries:
            self._credits.refund(job.tenant, job.credits)
        return entries

    async def _finish(self, writes: list[PendingWrite]) -> list[bool]:
        """Write what may have ended jobs."""
        for write in writes:
            if write.job.state.terminal:
                self._live_jobs.clear(write.job)
        return await self._credits.settle(writes, self._repository.save(writes))

    # --- ending early ---

    async def lose(self, holdings: Iterable[Holding]) -> int:
        """Their workers are gone: run those tasks again, elsewhere."""
        writes = []
        now = self._clock_ms()
        for holding in holdings:
            job = self._live_jobs.jobs.get(holding.key[0])
            task = task_of(job, holding.key[1])
            if self._live_jobs.leases.get(holding.key, holding.fence) is not None:
                self._live_jobs.leases.release(holding.key)
            if job is None or task is None:
                continue
            if transitions.running_attempt(task, holding.fence) is None:
                continue
            was = job.state
            self._end_badly(job, task, Outcome.LOST, None, now)
            writes.append(PendingWrite(job, was, self._refund(job, now)))
        return sum(await self._finish(writes))

    async def cancel(self, job_id: str, tenant: str | None) -> Job:
        """End a job. Raises `NotFound`, `AlreadyFinished`."""
        for _ in range(RETRIES):
            job = (await self._repository.get_many([job_id])).get(job_id)
            if job is None or tenant not in (None, job.tenant):
                break
            if job.state is State.CANCELLED:
                return job
            now, was = self._clock_ms(), job.state
            transitions.cancel(job, now)
            (kept,) = await self._finish([PendingWrite(job, was, self._refund(job, now))])
            if kept:
                return job
        raise NotFound(f"there is no job {job_id!r}", details={"job_id": job_id})
