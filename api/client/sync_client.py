"""The client for programs without asyncio: `AsyncClient`'s methods, which wait."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self, overload

from anyio import CancelScope
from anyio.from_thread import start_blocking_portal
from rich.console import Console

from reelyard.api.client.async_client import AsyncClient
from reelyard.api.client.request import InputLike, JobRequest
from reelyard.api.client.transport import Answer, Transport
from reelyard.api.client.views import JobRef, JobView


class _Call[T]:
    """A call that can be left at any time, even before there is a future of it to cancel."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._scope: CancelScope | None = None
        self._left = False

    async def __call__(self) -> T:
        with CancelScope() as self._scope:
            if self._left:
                self._scope.cancel()
            return await self._call()
        raise CancelledError

    def leave(self) -> None:
        self._left = True
        if self._scope is not None:
            self._scope.cancel()


class Client:
    """Submit jobs, follow them, fetch what they made; see `AsyncClient` for each method.

    `Client(url, key)` speaks HTTP; `connect()` gives one that speaks to Ray directly.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        transport: Callable[[], Awaitable[Transport]] | None = None,
    ) -> None:
        async def open_client() -> AsyncClient:
            return AsyncClient(url, key, transport=await transport() if transport else None)

        self._closed = False
        # The portal is a thread with an event loop: all I/O of this client happens there.
        self._portal_context = start_blocking_portal("asyncio")
        self._portal = self._portal_context.__enter__()
        try:
            self._client = self._portal.call(open_client)
        except BaseException:
            self._portal_context.__exit__(None, None, None)
            raise

    def _run[T](self, call: Callable[[], Awaitable[T]]) -> T:
        if self._closed:
            raise RuntimeError("this client is closed")
        return self._wait_for(call)

    def _wait_for[T](self, call: Callable[[], Awaitable[T]]) -> T:
        work = _Call(call)
        try:
            return self._portal.start_task_soon(work).result()
        except Exception:
            raise
        except BaseException:
            # After Ctrl-C nobody waits for the answer: what still ran would keep `close` from
            # ending, or speak to a cluster that has been left.
            self._portal.call(work.leave)
            raise

    def submit(
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
        """One job; several inputs go into it together."""
        return self._run(
            lambda: self._client.submit(
                operation,
                input,
                params=params,
                output=output,
                priority=priority,
                pool=pool,
                metadata=metadata,
                idempotency_key=idempotency_key,
            )
        )

    def submit_many(
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
        """One job for each input, all in one call however many there are; order is kept. An input
        that is refused has a failed view in its place; raises where all are."""
        return self._run(
            lambda: self._client.submit_many(
                operation,
                inputs,
                params=params,
                output=output,
                priority=priority,
                pool=pool,
                metadata=metadata,
            )
        )

    @overload
    def submit_requests(
        self, requests: Iterable[JobRequest], *, refused: Literal["raise"] = "raise"
    ) -> list[JobView]: ...

    @overload
    def submit_requests(
        self, requests: Iterable[JobRequest], *, refused: Literal["return"]
    ) -> list[Answer]: ...

    def submit_requests(
        self, requests: Iterable[JobRequest], *, refused: Literal["raise", "return"] = "raise"
    ) -> list[JobView] | list[Answer]:
        """Different jobs in one call. `refused="return"` puts the error in the job's place."""
        if refused == "return":
            return self._run(lambda: self._client.submit_requests(requests, refused="return"))
        return self._run(lambda: self._client.submit_requests(requests))

    def get(self, job: JobRef) -> JobView:
        """The job as it stands now. Raises `NotFound`."""
        return self._run(lambda: self._client.get(job))

    def jobs(
        self,
        *,
        state: str | None = None,
        operation: str | None = None,
        input: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
    ) -> Iterator[JobView]:
        """The jobs that fit, newest first; pages are fetched as they are needed."""
        found = self._client.jobs(
            state=state,
            operation=operation,
            input=input,
            created_after=created_after,
            created_before=created_before,
            limit=limit,
        )
        yield from self._iterate(found.__anext__)

    def as_completed(
        self, jobs: Iterable[JobRef], *, timeout_s: float | None = None
    ) -> Iterator[JobView]:
        """Each job once it has ended, in the order in which they end."""
        yield from self._iterate(self._client.as_completed(jobs, timeout_s=timeout_s).__anext__)

    def _iterate[T](self, step: Callable[[], Awaitable[T]]) -> Iterator[T]:
        while True:
            try:
                item = self._run(step)
            except StopAsyncIteration:
                return
            yield item

    def wait(self, job: JobRef, *, timeout_s: float | None = None) -> JobView:
        """The job once it has ended. Raises `TimedOut`."""
        return self._run(lambda: self._client.wait(job, timeout_s=timeout_s))

    def wait_all(self, jobs: Iterable[JobRef], *, timeout_s: float | None = None) -> list[JobView]:
        """All jobs once they have ended, in the order given."""
        return self._run(lambda: self._client.wait_all(jobs, timeout_s=timeout_s))

    def progress(
        self,
        jobs: Iterable[JobRef],
        *,
        timeout_s: float | None = None,
        console: Console | None = None,
    ) -> list[JobView]:
        """`wait_all` with progress bars on the terminal (or on another rich console)."""
        return self._run(lambda: self._client.progress(jobs, timeout_s=timeout_s, console=console))

    def results(
        self, jobs: Iterable[JobRef], *, timeout_s: float | None = None
    ) -> list[dict[str, Any]]:
        """The operations' data once all have ended."""
        return self._run(lambda: self._client.results(jobs, timeout_s=timeout_s))

    def cancel(self, job: JobRef) -> JobView:
        """Cancel; raises `AlreadyFinished` if it has ended."""
        return self._run(lambda: self._client.cancel(job))

    def cancel_many(self, jobs: Iterable[JobRef]) -> dict[str, Answer]:
        """Cancel all of them; what had ended already is refused, by id."""
        return self._run(lambda: self._client.cancel_many(jobs))

    def retry(self, job: JobRef) -> JobView:
        """A new attempt of a failed job under the same id."""
        return self._run(lambda: self._client.retry(job))

    def download(self, job: JobRef, folder: InputLike = ".") -> list[Path]:
        """The outputs' files, written into `folder`; existing ones are replaced."""
        return self._run(lambda: self._client.download(job, folder))

    def overview(self) -> dict[str, Any]:
        """Pools, queues, running jobs, throughput: what operators look at."""
        return self._run(self._client.overview)

    def create_key(
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
        return self._run(
            lambda: self._client.create_key(
                tenant,
                name,
                admin=admin,
                credits=credits,
                scope=scope,
                expires_in_s=expires_in_s,
            )
        )

    def rotate_key(self, key_id: str, overlap_s: float = 86_400) -> dict[str, Any]:
        """A fresh API key in another one's place, which still works for `overlap_s` seconds
        (operators only). Raises `NotFound`, `Conflict` if that key has ended."""
        return self._run(lambda: self._client.rotate_key(key_id, overlap_s))

    def list_keys(self) -> list[dict[str, Any]]:
        """All API keys (operators only), without their texts."""
        return self._run(self._client.list_keys)

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        """Make a key worthless (operators only). Raises `NotFound`."""
        return self._run(lambda: self._client.revoke_key(key_id))

    def close(self) -> None:
        """Let go of connections, and of a cluster that this client started; twice does no harm."""
        if self._closed:
            return
        self._closed = True
        try:
            self._wait_for(self._client.close)
        finally:
            self._portal_context.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
