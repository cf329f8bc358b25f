"""The client's transport over Ray: the registry's own calls, no HTTP in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from reelyard.actors.engine import stop_engine
from reelyard.actors.jobs.ids import parse_id
from reelyard.actors.jobs.locations import Foreign, JobOutput, parse_location
from reelyard.actors.jobs.messages import Accepted, Refusal
from reelyard.actors.jobs.model import Job, JobSpec
from reelyard.api.client.job_records import page_query, placed_view, save_output
from reelyard.api.client.request import JobRequest, body_of, sent_as, spec_of
from reelyard.api.client.transport import Answer, JobFilter
from reelyard.api.client.views import JobView, OutputView, accepted_view, chunks
from reelyard.api.http.locations import no_destination, no_source, output_of
from reelyard.api.registry_client.client import RegistryClient, refused
from reelyard.api.v1 import v1_shapes
from reelyard.api.v1.refusals import in_body, no_pool
from reelyard.api.v1.request_bodies import BatchItem, KeyBody, RotationBody
from reelyard.api.v1.v1_shapes import accepted_job
from reelyard.cluster.errors import ReelyardError
from reelyard.cluster.faults import about, faults_of, refusal
from reelyard.cluster.runtime.ray_cluster import Cluster
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage, open_storage

#: jobs planned and sent in one step: large enough to be quick, small enough to stay lively
BATCH = 1000
#: what still runs when a program's own cluster stops has so long; then it goes back to the queue
LEAVE_S = 1.0


class RayTransport:
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
        self._unfinished: dict[str, tuple[Job, JobView]] = {}
        """Jobs of the last `get_many`, as they were and were shown."""

    @classmethod
    async def open(cls, settings: Settings, cluster: Cluster) -> RayTransport:
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
                    answers.append(accepted_view(accepted_job(answer.job), spec.params))
                else:
                    answers.append(in_body(refused(answer), "params"))
        return answers

    async def _spec(self, item: JobRequest) -> JobSpec | ReelyardError:
        """What the request asks, or why the server would not take it either."""
        if (fault := _fault_of(item)) is not None:
            return fault
        spec = spec_of(item)
        try:
            inputs = [
                await self._located(text, f"inputs.{place}")
                for place, text in enumerate(spec.inputs)
            ]
            if spec.output and isinstance(place := parse_location(spec.output), Foreign):
                with about("output", spec.output):
                    raise no_destination(place.scheme)
        except ReelyardError as error:
            return error
        return msgspec.structs.replace(spec, inputs=inputs)

    async def _located(self, text: str, field: str) -> str:
        with about(field, text):
            match parse_location(text):
                case JobOutput(job_id, name):
                    job = await self._registry.get(parse_id(job_id) or job_id, None)
                    return output_of(job, name)
                case Foreign(scheme):
                    raise no_source(scheme)
        return text

    async def _no_pool(self, pools: set[str]) -> dict[str | None, ReelyardError]:
        """Those of `pools` that there are not: a job would wait for a worker that never comes."""
        if pools <= self._settings.all_pools.keys():
            return {}
        # The cluster's settings may name more of them than those of this process.
        there = {pool.name for pool in (await self._registry.overview()).pools}
        return {name: no_pool(name, there) for name in pools - there}

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        found = await self._registry.get_many(job_ids, None)
        before, self._unfinished = self._unfinished, {}
        views: dict[str, JobView] = {}
        for job_id, job in found.items():
            # Who waits for thousands asks for them again and again; few have changed meanwhile,
            # and those that did are other records.
            was, view = before.get(job_id, (None, None))
            if view is None or was is not job:
                view = await self._view(job)
            if not view.done:
                self._unfinished[job_id] = job, view
            views[job_id] = view
        return views

    async def wait(self, job_id: str, timeout_s: float) -> JobView:
        return await self._view(await self._registry.wait(job_id, None, timeout_s))

    async def page(
        self, which: JobFilter, limit: int, cursor: str | None
    ) -> tuple[list[JobView], str | None]:
        jobs = await self._registry.page(page_query(which, limit, cursor))
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
        return _plain(v1_shapes.overview(await self._registry.overview()))

    async def create_key(self, key: dict[str, Any]) -> dict[str, Any]:
        spec = _checked(KeyBody, key).spec()
        text, info = await self._registry.accounts.create_key(spec)
        return _plain({"key": text} | v1_shapes.key(info))

    async def rotate_key(self, key_id: str, overlap_s: float) -> dict[str, Any]:
        asked = _checked(RotationBody, {"overlap_s": overlap_s})
        text, info = await self._registry.accounts.rotate_key(key_id, asked.overlap_s)
        return _plain({"key": text} | v1_shapes.key(info))

    async def list_keys(self) -> list[dict[str, Any]]:
        return [_plain(v1_shapes.key(info)) for info in await self._registry.accounts.all_keys()]

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        return _plain(v1_shapes.key(await self._registry.accounts.revoke_key(key_id)))

    async def download(self, output: OutputView, path: Path) -> None:
        await save_output(output, self._storage, path)

    async def close(self) -> None:
        await self._registry.close()
        if self._cluster.owned:
            await asyncio.to_thread(stop_engine, self._settings, LEAVE_S)
        await asyncio.to_thread(self._cluster.stop)

    async def _view(self, job: Job) -> JobView:
        view = await placed_view(job, self._storage, self._settings)
        waiting = await self._registry.waiting_for(job)
        return view if waiting is None else replace(view, waiting_for=waiting)


def _plain(shape: dict[str, Any]) -> dict[str, Any]:
    """`shape` without enumerations and the like: as if it had come as JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(shape)
    return plain


def _fault_of(item: JobRequest) -> ReelyardError | None:
    """Why `POST /v1/jobs:batch` would refuse this request before it looked at what it names."""
    inputs = [sent_as(source) for source in item.inputs]
    body = body_of(item, inputs, item.output)
    try:
        BatchItem.model_validate(body)
    except ValidationError as error:
        return refusal(faults_of(error, BatchItem.model_json_schema(), body, "body"), "job")
    return None


def _checked[Asked: BaseModel](model: type[Asked], body: dict[str, Any]) -> Asked:
    """`body` as the server reads it. Raises `ValidationFailed` in its words."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise refusal(faults_of(error, model.model_json_schema(), body, "body")) from None
