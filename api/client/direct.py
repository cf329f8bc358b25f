"""The client's transport over Ray: the registry's own calls, no HTTP in between."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from actors.engine import stop_engine
from actors.jobs.locations import File, JobOutput, parse_location, stored_key
from actors.jobs.messages import Accepted, PageQuery, Refusal
from actors.jobs.model import Job, JobSpec, OutputFile, State
from actors.jobs.times import iso
from api.client.http import copy_file, save_url
from api.client.request import JobRequest, local_url
from api.client.transport import Answer, JobFilter
from api.client.views import JobView, OutputView, chunks
from api.http.locations import output_of
from api.registry_client.client import RegistryClient, refused
from cluster.errors import ReelyardError, ValidationFailed
from cluster.runtime import Cluster
from cluster.settings import Settings
from cluster.storage import Storage, open_storage

#: jobs planned and sent in one step: large enough to be quick, small enough to stay lively
BATCH = 1000
TENANT = "default"
#: what still runs when a program's own cluster stops has so long; then it goes back to the queue
LEAVE_S = 1.0


class DirectTransport:
    """Speaks to the registry of the Ray cluster that this process has joined.

    Paths are taken as they are: they must name the same file on the workers.
    """

    def __init__(
        self, settings: Settings, registry: RegistryClient, storage: Storage, cluster: Cluster
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._storage = storage
        self._cluster = cluster

    @classmethod
    async def open(cls, settings: Settings, cluster: Cluster) -> DirectTransport:
        """On a cluster that is already joined; `close` leaves (or stops) it."""
        storage = open_storage(settings)
        return cls(settings, RegistryClient.over_ray(settings), storage, cluster)

    async def submit_many(self, requests: Sequence[JobRequest]) -> list[Answer]:
        no_pool = await self._no_pool({item.pool for item in requests if item.pool is not None})
        answers: list[Answer] = []
        for batch in chunks(requests, BATCH):
            specs = [no_pool.get(item.pool) or await self._spec(item) for item in batch]
            good = [spec for spec in specs if isinstance(spec, JobSpec)]
            taken = iter(await self._registry.submit(good))
            for spec in specs:
                if isinstance(spec, ReelyardError):
                    answers.append(spec)
                elif isinstance(answer := next(taken), Accepted):
                    answers.append(await self._view(answer.job))
                else:
                    answers.append(refused(answer))
        return answers

    async def _spec(self, item: JobRequest) -> JobSpec | ReelyardError:
        spec = spec_of(item)
        try:
            inputs = [await self._located(text) for text in spec.inputs]
        except ReelyardError as error:
            return error
        return msgspec.structs.replace(spec, inputs=inputs)

    async def _located(self, text: str) -> str:
        match parse_location(text):
            case JobOutput(job_id, name):
                return output_of(await self._registry.get(job_id, None), name)
        return text

    async def _no_pool(self, pools: set[str]) -> dict[str | None, ReelyardError]:
        """Those of `pools` that there are not: a job would wait for a worker that never comes."""
        if pools <= self._settings.all_pools.keys():
            return {}
        # The cluster's settings may name more of them than those of this process.
        there = {pool.name for pool in (await self._registry.overview()).pools}
        names = ", ".join(sorted(there))
        return {
            name: ValidationFailed(f"pool: there is no pool {name!r}; there are: {names}")
            for name in pools - there
        }

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        found = await self._registry.get_many(job_ids, None)
        return {job_id: await self._view(job) for job_id, job in found.items()}

    async def wait(self, job_id: str, timeout_s: float) -> JobView:
        return await self._view(await self._registry.wait(job_id, None, timeout_s))

    async def page(
        self, which: JobFilter, limit: int, cursor: str | None
    ) -> tuple[list[JobView], str | None]:
        # Here the cursor is the last id itself: nothing crosses a trust boundary.
        query = PageQuery(
            tenant=TENANT,
            limit=limit,
            state=_state(which.state),
            operation=which.operation,
            input=which.input,
            created_from_ms=_ms(which.created_after),
            created_to_ms=_ms(which.created_before),
            after_id=cursor,
        )
        jobs = await self._registry.page(query)
        following = jobs[-1].id if len(jobs) == limit else None
        return [await self._view(job) for job in jobs], following

    async def cancel_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        return await self._answers(await self._registry.cancel(job_ids, None))

    async def retry_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        return await self._answers(await self._registry.retry(job_ids, None))

    async def _answers(self, answers: dict[str, Job | Refusal]) -> dict[str, Answer]:
        return {
            job_id: refused(answer) if isinstance(answer, Refusal) else await self._view(answer)
            for job_id, answer in answers.items()
        }

    async def overview(self) -> dict[str, Any]:
        overview: dict[str, Any] = msgspec.to_builtins(await self._registry.overview())
        return overview

    async def create_key(
        self, tenant: str, name: str, *, admin: bool, credits: int | None
    ) -> dict[str, Any]:
        key, info = await self._registry.create_key(tenant, name, admin=admin, credits=credits)
        return {"key": key, **msgspec.to_builtins(info)}

    async def list_keys(self) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = msgspec.to_builtins(await self._registry.api_keys())
        return keys

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        info: dict[str, Any] = msgspec.to_builtins(await self._registry.revoke_key(key_id))
        return info

    async def download(self, output: OutputView, path: Path) -> None:
        if (found := output.path) is not None:
            await asyncio.to_thread(copy_file, found, path)
        elif (key := stored_key(output.url)) is not None:
            await self._storage.download(key, path)
        else:
            async with httpx2.AsyncClient() as http:
                await save_url(http, output.url, path)

    async def close(self) -> None:
        await self._registry.close()
        if self._cluster.owned:
            await asyncio.to_thread(stop_engine, self._settings, LEAVE_S)
        await asyncio.to_thread(self._cluster.stop)

    async def _view(self, job: Job) -> JobView:
        task = job.active_task
        return JobView(
            job_id=job.id,
            operation=job.operation,
            state=job.state,
            source_url=job.input,
            progress=job.progress,
            phase=task.phase if task else None,
            speed=task.speed if task else None,
            eta_s=task.eta_s if task else None,
            kind=job.kind,
            parameters=job.params,
            result_data=job.result,
            outputs=[await self._output(output) for output in job.outputs],
            error=job.error,
            metadata=job.metadata,
            priority=job.priority,
            created_at=iso(job.created_ms) or "",
            started_at=iso(job.started_ms),
            completed_at=iso(job.finished_ms),
            expires_at=iso(job.outputs_expire_ms),
            tasks=[],
        )

    async def _output(self, output: OutputFile) -> OutputView:
        url = output.url
        if (key := stored_key(url)) is not None:
            if (path := self._storage.local_path(key)) is not None:
                url = str(File.at(path))
            else:
                signed = await self._storage.sign("GET", key, self._settings.url_ttl_s)
                url = signed or url
        return OutputView(
            name=output.name,
            url=url,
            size=output.size,
            content_type=output.content_type,
            kind=output.kind,
            sha256=output.sha256,
            facts=output.facts,
        )


def spec_of(item: JobRequest) -> JobSpec:
    """What the request asks of the registry; paths become absolute."""
    inputs = [local_url(source) for source in item.inputs]
    output = local_url(item.output) if item.output is not None else None
    return JobSpec(
        operation=item.operation,
        inputs=inputs,
        input=os.fspath(item.inputs[0]) if item.inputs else "",
        params=item.params,
        output=output,
        output_sent=os.fspath(item.output) if item.output is not None else None,
        tenant=TENANT,
        dialect="python",
        priority=item.priority,
        pool=item.pool,
        metadata=item.metadata,
        idempotency_key=item.idempotency_key,
        fingerprint=_fingerprint([item.operation, inputs, item.params, output])
        if item.idempotency_key
        else "",
    )


def _fingerprint(asked: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


def _state(word: str | None) -> State | None:
    try:
        return State(word) if word is not None else None
    except ValueError:
        raise ValidationFailed(
            f"state: {word!r} is none of {', '.join(state.value for state in State)}"
        ) from None


def _ms(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationFailed(f"{text!r} is no ISO 8601 time, like 2030-01-31T12:00:00Z") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
