"""The transport over Ray: how it shows the jobs that a client waits for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import msgspec
import pytest

from reelyard.actors.jobs.model import Job, State
from reelyard.api.client.ray_transport import RayTransport
from reelyard.api.registry_client.client import RegistryClient
from reelyard.cluster.runtime.ray_cluster import Cluster
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import open_storage
from tests.unit.actors.registry.builders import make_job


class Jobs:
    """A registry's jobs, as its client remembers them: the same record until it has changed."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = {job.id: job for job in jobs}

    async def get_many(self, job_ids: Sequence[str], tenant: str | None) -> dict[str, Job]:
        assert tenant is None
        return {job_id: self.jobs[job_id] for job_id in job_ids if job_id in self.jobs}

    async def waiting_for(self, job: Job) -> str | None:
        assert job.id in self.jobs
        return None

    def change(self, job: Job, state: State) -> None:
        self.jobs[job.id] = msgspec.structs.replace(job, state=state)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(make_job(), make_job())


@pytest.fixture
def transport(jobs: Jobs, tmp_path: Path) -> RayTransport:
    settings = Settings(data_dir=tmp_path)
    registry, cluster = cast("RegistryClient", jobs), cast("Cluster", None)
    return RayTransport(settings, registry, open_storage(settings), cluster)


async def test_a_job_that_has_not_changed_is_shown_as_before(
    transport: RayTransport, jobs: Jobs
) -> None:
    first, second = jobs.jobs.values()
    before = await transport.get_many([first.id, second.id])
    jobs.change(first, State.RUNNING)
    after = await transport.get_many([first.id, second.id])
    assert after[second.id] is before[second.id]
    assert (before[first.id].state, after[first.id].state) == (State.QUEUED, State.RUNNING)


async def test_an_ended_job_is_shown_anew_each_time(transport: RayTransport, jobs: Jobs) -> None:
    # Signed URLs of its outputs must be fresh.
    job, _ = jobs.jobs.values()
    jobs.change(job, State.SUCCEEDED)
    once, again = [(await transport.get_many([job.id]))[job.id] for _ in range(2)]
    assert once == again
    assert once is not again


async def test_a_job_that_is_gone_is_not_shown(transport: RayTransport, jobs: Jobs) -> None:
    first, second = jobs.jobs.values()
    await transport.get_many([first.id, second.id])
    del jobs.jobs[first.id]
    assert list(await transport.get_many([first.id, second.id])) == [second.id]
