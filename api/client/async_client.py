"""The client for asyncio programs; `reelyard.api.client.sync_client` is the same for all others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self, TypeGuard, cast, overload

from rich.console import Console

from reelyard.api.client.http_transport import HttpTransport
from reelyard.api.client.progress_bars import JobBars
from reelyard.api.client.request import InputLike, JobRequest, many_requests, request
from reelyard.api.client.transport import Answer, Transport, job_filter
from reelyard.api.client.views import JobRef, JobView, chunks, job_id_of, refused_view, several
from reelyard.cluster.errors import (
    Gone,
    NotFound,
    NotReady,
    OutputUnwritable,
    ReelyardError,
    TimedOut,
)

#: jobs asked about in one poll: so many of the oldest, and as many further ones in turn
POLL_WINDOW = 200
POLL_MIN_S = 0.05
POLL_MAX_S = 1.0
#: between two polls when nearly all jobs have ended
POLL_LEAST_S = 0.02
#: so few jobs are no longer polled for: the end of one is waited for
POLL_FEW = 4


class AsyncClient:
    """Submit jobs, follow them, fetch what they made.

    `AsyncClient(url, key)` speaks HTTP; `connect_async()` gives one that speaks to Ray directly.
    Every method that takes a job takes its id or any snapshot of it.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        transport: Transport | None = None,
    ) -> None:
        self.transport = transport or HttpTransport(url, key)

    async def submit(
        self,
        operation: str,
        input: InputLike | Sequence[InputLike],
        *,
        params: dict[str, Any] | None = None,
        output: InputLike | None = None,
        priority: int = 0,
        pool: str | None = None,
        metadata: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> JobView:
        """One job, as it was accepted; several inputs go into it together.

        Raises the class of `reelyard.errors` that names what is wrong with the request.
        """
        wanted = request(
            operation,
            input,
            params=params,
            output=output,
            priority=priority,
            pool=pool,
            metadata=metadata,
            idempotency_key=idempotency_key,
        )
        return (await self.submit_requests([wanted]))[0]

    async def submit_many(
        self,
        operation: str,
        inputs: Iterable[InputLike],
        *,
        params: dict[str, Any] | None = None,
        output: InputLike | None = None,
        priority: int = 0,
        pool: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> list[JobView]:
        """One job for each input, all in one call however many there are; order is kept.

        `output` is a folder here (or None). An input that is refused, or whose output would be
        written over that of an earlier one, has a failed view in its place, whose `error` says why
        (`JobView.refused`); the others are jobs all the same. Raises only where none is taken on:
        what the first of them was refused for.
        """
        items = several("inputs", inputs)
        wanted = many_requests(
            operation,
            items,
            params=params,
            output=output,
            priority=priority,
            pool=pool,
            metadata=metadata,
        )
        answers = await self._submit_good(wanted)
        errors = [answer for answer in answers if isinstance(answer, ReelyardError)]
        if errors and len(errors) == len(answers):
            raise errors[0]
        return [
            refused_view(operation, item, answer) if isinstance(answer, ReelyardError) else answer
            for item, answer in zip(items, answers, strict=True)
        ]

    async def _submit_good(self, wanted: Sequence[JobRequest | ReelyardError]) -> list[Answer]:
        """The answer to each request; an error stays in its place."""
        good = [one for one in wanted if isinstance(one, JobRequest)]
        taken = iter(await self.transport.submit_many(good) if good else [])
        return [next(taken) if isinstance(one, JobRequest) else one for one in wanted]

    @overload
    async def submit_requests(
        self, requests: Iterable[JobRequest], *, refused: Literal["raise"] = "raise"
    ) -> list[JobView]: ...

    @overload
    async def submit_requests(
        self, requests: Iterable[JobRequest], *, refused: Literal["return"]
    ) -> list[Answer]: ...

    async def submit_requests(
        self, requests: Iterable[JobRequest], *, refused: Literal["raise", "return"] = "raise"
    ) -> list[JobView] | list[Answer]:
        """Different jobs in one call. `refused="return"` puts the error in the job's place."""
        answers = await self.transport.submit_many(list(requests))
        if refused == "return":
            return answers
        jobs: list[JobView] = []
        for answer in answers:
            if isinstance(answer, ReelyardError):
                raise answer
            jobs.append(answer)
        return jobs

    async def get(self, job: JobRef) -> JobView:
        """The job as it stands now. Raises `NotFound`."""
        if _is_refused(job):
            return job
        job_id = job_id_of(job)
        found = await self.transport.get_many([job_id])
        if job_id not in found:
            raise NotFound(f"there is no job {job_id}")
        return found[job_id]

    async def jobs(
        self,
        *,
        state: str | None = None,
        operation: str | None = None,
        input: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[JobView]:
        """The jobs that fit, newest first; pages are fetched as they are needed.

        Times are a `datetime` or ISO 8601, in UTC if they name no zone. Raises `ValidationFailed`.
        """
        which = job_filter(state, operation, input, created_after, created_before)
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            page, cursor = await self.transport.page(which, min(100, left or 100), cursor)
            for job in page:
                yield job
            if left is not None:
                left -= len(page)
            if cursor is None:
                return

    async def as_completed(
        self, jobs: Iterable[JobRef], *, timeout_s: float | None = None
    ) -> AsyncIterator[JobView]:
        """Each job once it has ended, in the order in which they end.

        Raises `TimedOut` when some are left after `timeout_s`.
        """
        async for batch in self._finished(jobs, timeout_s):
            for job in batch:
                if job.done:
                    yield job

    async def _finished(
        self, jobs: Iterable[JobRef], timeout_s: float | None
    ) -> AsyncIterator[list[JobView]]:
        """Snapshots of the unfinished jobs, poll by poll, each ended one exactly once."""
        listed = several("jobs", jobs)
        if refused := [job for job in listed if _is_refused(job)]:
            yield refused
        pending = dict.fromkeys(job_id_of(job) for job in listed if not _is_refused(job))
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pause, turn = POLL_MIN_S, 0
        while pending:
            ids = list(pending)
            window = ids[:POLL_WINDOW]
            rest = chunks(ids[POLL_WINDOW:], POLL_WINDOW)
            if rest:
                window += rest[turn % len(rest)]
                turn += 1
            found = await self.transport.get_many(window)
            if missing := [job_id for job_id in window if job_id not in found]:
                raise NotFound(f"there is no job {missing[0]}")
            ended = [job_id for job_id, job in found.items() if job.done]
            for job_id in ended:
                del pending[job_id]
            yield list(found.values())
            if not pending:
                return
            if deadline is not None and time.monotonic() > deadline:
                raise TimedOut(f"{len(pending)} job(s) had not ended after {timeout_s} s")
            pause = _next_pause(pause, len(pending), len(ended))
            if len(pending) <= POLL_FEW:
                # Until one of the last has ended, but no longer.
                await self.transport.wait(next(reversed(pending)), pause)
            else:
                await asyncio.sleep(pause)

    async def wait(self, job: JobRef, *, timeout_s: float | None = None) -> JobView:
        """The job once it has ended. Raises `TimedOut` when it has not after `timeout_s`."""
        if _is_refused(job):
            return job
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = 20.0 if deadline is None else deadline - time.monotonic()
            found = await self.transport.wait(job_id_of(job), max(0.0, min(20.0, left)))
            if found.done:
                return found
            if deadline is not None and time.monotonic() >= deadline:
                raise TimedOut(f"job {found.job_id} had not ended after {timeout_s} s")

    async def wait_all(
        self, jobs: Iterable[JobRef], *, timeout_s: float | None = None
    ) -> list[JobView]:
        """All jobs once they have ended, in the order given."""
        return await self._collect(several("jobs", jobs), timeout_s, None)

    async def progress(
        self,
        jobs: Iterable[JobRef],
        *,
        timeout_s: float | None = None,
        console: Console | None = None,
    ) -> list[JobView]:
        """`wait_all` with progress bars on the terminal (or on another rich console)."""
        listed = several("jobs", jobs)
        ids = [job_id_of(job) for job in listed if isinstance(job, str)]
        found = await self.transport.get_many(ids) if ids else {}
        shown = [job if isinstance(job, JobView) else found.get(job_id_of(job)) for job in listed]
        bars = JobBars([job for job in shown if job], console) if any(shown) else None
        return await self._collect(listed, timeout_s, bars)

    async def _collect(
        self, jobs: Sequence[JobRef], timeout_s: float | None, bars: JobBars | None
    ) -> list[JobView]:
        ended: dict[str, JobView] = {}
        with bars or nullcontext():
            async for batch in self._finished(jobs, timeout_s):
                ended.update({job.job_id: job for job in batch if job.done})
                if bars is not None:
                    bars.update(batch)
        return [job if _is_refused(job) else ended[job_id_of(job)] for job in jobs]

    async def results(
        self, jobs: Iterable[JobRef], *, timeout_s: float | None = None
    ) -> list[dict[str, Any]]:
        """The operations' data once all have ended. Raises what the first failed one failed of,
        or `Cancelled`."""
        return [job.result() for job in await self.wait_all(jobs, timeout_s=timeout_s)]

    async def cancel(self, job: JobRef) -> JobView:
        """Cancel; raises `AlreadyFinished` if it has ended."""
        return _one(await self.transport.cancel_many([job_id_of(job)]))

    async def cancel_many(self, jobs: Iterable[JobRef]) -> dict[str, Answer]:
        """Cancel all of them; what had ended already is refused, by id."""
        listed = several("jobs", jobs)
        answers = await self.transport.cancel_many([job_id_of(job) for job in listed])
        return {_named(job): answers[job_id_of(job)] for job in listed}

    async def retry(self, job: JobRef) -> JobView:
        """A new attempt of a failed job under the same id."""
        return _one(await self.transport.retry_many([job_id_of(job)]))

    async def download(self, job: JobRef, folder: InputLike = ".") -> list[Path]:
        """The outputs' files, written into `folder`; existing ones are replaced.

        Raises `NotReady` before the job's end, `Gone` once they have expired, `OutputUnwritable`,
        and `SourceUnreadable` for an output that this client does not reach.
        """
        view = job if isinstance(job, JobView) and job.done else await self.get(job)
        if not view.done:
            raise NotReady(f"job {view.job_id} has not ended: it is {view.state.value}")
        if gone := [output.name for output in view.outputs if output.deleted]:
            raise Gone(f"the output {gone[0]} of job {view.job_id} has expired and was deleted")
        target = Path(folder)
        try:
            await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputUnwritable(f"{target} can't be made: {error.strerror}") from error
        paths = [target / Path(output.name).name for output in view.outputs]
        for output, path in zip(view.outputs, paths, strict=True):
            await self.transport.download(output, path)
        return paths

    async def overview(self) -> dict[str, Any]:
        """Pools, queues, running jobs, throughput: what operators look at."""
        return await self.transport.overview()

    async def create_key(
        self,
        tenant: str,
        name: str,
        *,
        admin: bool = False,
        credits: int | None = None,
        scope: str | None = None,
        expires_in_s: float | None = None,
    ) -> dict[str, Any]:
        """A new API key (operators only); its text is shown this once.

        `scope`: `read`, `submit` (unless told otherwise) or `admin`; it ends after `expires_in_s`
        seconds, or when it is revoked. Raises `ValidationFailed`."""
        return await self.transport.create_key(
            {
                "tenant": tenant,
                "name": name,
                "admin": admin,
                "credits": credits,
                "scope": scope,
                "expires_in_s": expires_in_s,
            }
        )

    async def rotate_key(self, key_id: str, overlap_s: float = 86_400) -> dict[str, Any]:
        """A fresh API key in another one's place, which still works for `overlap_s` seconds
        (operators only). Raises `NotFound`, `Conflict` if that key has ended."""
        return await self.transport.rotate_key(key_id, overlap_s)

    async def list_keys(self) -> list[dict[str, Any]]:
        """All API keys (operators only), without their texts."""
        return await self.transport.list_keys()

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        """Make a key worthless (operators only). Raises `NotFound`."""
        return await self.transport.revoke_key(key_id)

    async def close(self) -> None:
        """Let go of connections, and of a cluster that this client started; twice does no harm."""
        transport, self.transport = self.transport, cast("Transport", _CLOSED)
        if transport is not _CLOSED:
            await transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Closed:
    """The transport of a closed client."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("this client is closed")


_CLOSED = _Closed()


def _is_refused(job: JobRef) -> TypeGuard[JobView]:
    return isinstance(job, JobView) and job.refused


def _named(job: JobRef) -> str:
    return job if isinstance(job, str) else job.job_id


def _next_pause(pause: float, pending: int, ended: int) -> float:
    """Seconds until the next poll, where `ended` jobs have ended in the last `pause`."""
    # Asking after many costs the registry: the more there are, the rarer.
    least = POLL_MIN_S * (1 + pending / 50)
    if not ended:
        return min(POLL_MAX_S, max(least, pause * 1.5))
    # At that pace, so long until only a few are left, whose ends are waited for one by one.
    left = pause * max(0, pending - POLL_FEW) / ended
    return min(POLL_MAX_S, least, max(POLL_LEAST_S, left))


def _one(answers: dict[str, Answer]) -> JobView:
    (answer,) = answers.values()
    if isinstance(answer, ReelyardError):
        raise answer
    return answer
