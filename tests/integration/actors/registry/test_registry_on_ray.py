"""The registry as a Ray actor, killed and killed again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Iterator
from typing import Any

import psutil
import pytest

from reelyard.actors.jobs.ids import new_id
from reelyard.actors.jobs.messages import Accepted, PageQuery, Refusal, Submission
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry import get_registry, start_registry
from reelyard.cluster.runtime.ray_cluster import start_embedded
from reelyard.cluster.settings import Settings
from tests.unit.actors.registry.builders import done, make_job, make_worker, report

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data_dir=tmp_path_factory.mktemp("data"), cpus=2, lease_ttl_s=60)


@pytest.fixture(scope="module")
def registry(settings: Settings) -> Iterator[Any]:
    with start_embedded(settings):
        import ray  # not before its environment is set

        handle = start_registry(settings)
        ray.get(handle.ping.remote())
        yield handle


@pytest.fixture
async def unkilled(registry: Any) -> Any:
    """The registry, once it has come back from what the last test did to it."""
    await insist(registry.ping.remote)
    return registry


def registry_pid() -> int:
    """The process of this process's own registry: other tests' servers have theirs further down."""
    (pid,) = (
        process.pid
        for raylet in psutil.Process().children()
        for process in raylet.children()
        if process.name().startswith("ray::JobRegi") and process.status() != "zombie"
    )
    return pid


async def insist(call: Any) -> Any:
    """The answer, however often the registry dies meanwhile."""
    from ray.exceptions import RayActorError

    while True:
        try:
            return await call()
        except RayActorError:
            await asyncio.sleep(0.05)


def fresh_job(**fields: Any) -> Job:
    job_id = new_id()
    return make_job(id=job_id, **fields)


async def test_the_registry_is_found_by_name(unkilled: Any, settings: Settings) -> None:
    epoch = await get_registry(settings).ping.remote()
    assert epoch == await unkilled.ping.remote()
    assert start_registry(settings)._actor_id == unkilled._actor_id


async def test_a_job_goes_through_with_all_its_answers(unkilled: Any) -> None:
    job = fresh_job(metadata={"a": [1, {"b": None}]})
    (answer,) = await unkilled.submit_many.remote([Submission(job)])
    assert isinstance(answer, Accepted)
    assert answer.job.metadata == job.metadata
    worker = make_worker("trip", new_id())
    reply = await unkilled.lease.remote(worker, 1, [], 5.0)
    (lease,) = reply.leases
    (verdict,) = await unkilled.report.remote("trip", worker.incarnation, [report(lease, 5)])
    assert verdict.accepted
    (shown,) = await unkilled.page.remote(PageQuery("default", state=State.RUNNING))
    assert shown.progress == 5
    (verdict,) = await unkilled.commit.remote([done(lease, result={"ok": True})])
    assert verdict.accepted
    ended = (await unkilled.get_many.remote([job.id]))[job.id]
    assert (ended.state, ended.result) == (State.SUCCEEDED, {"ok": True})
    answers = await unkilled.cancel_many.remote([job.id, new_id()], "default")
    assert [type(answer) for answer in answers.values()] == [Refusal, Refusal]


async def test_nothing_acknowledged_is_lost_when_the_registry_is_killed_again_and_again(
    unkilled: Any,
) -> None:
    acknowledged: set[str] = set()
    finished: set[str] = set()
    fences: dict[tuple[str, str], int] = {}
    rounds = 3
    stop = asyncio.Event()

    async def submit(number: int) -> None:
        while not stop.is_set():
            batch = [Submission(fresh_job(tenant=f"crash{number}")) for _ in range(10)]
            answers = await insist(lambda batch=batch: unkilled.submit_many.remote(batch))
            assert all(isinstance(answer, Accepted) for answer in answers)
            acknowledged.update(answer.job.id for answer in answers)

    async def work(number: int) -> None:
        worker = make_worker(f"crash{number}", new_id())
        while not stop.is_set():
            reply = await insist(lambda: unkilled.lease.remote(worker, 8, [], 0.2))
            for lease in reply.leases:
                key = (lease.job_id, lease.task)
                assert lease.fence > fences.get(key, 0), "a fence was given out twice"
                fences[key] = lease.fence
            commits = [done(lease, result={"by": number}) for lease in reply.leases]
            verdicts = await insist(lambda commits=commits: unkilled.commit.remote(commits))
            finished.update(verdict.job_id for verdict in verdicts if verdict.accepted)

    async def kill() -> None:
        for _ in range(rounds):
            seen = len(acknowledged)
            while len(acknowledged) < seen + 100:
                await asyncio.sleep(0.02)
            os.kill(registry_pid(), signal.SIGKILL)
        seen = len(acknowledged)
        while len(acknowledged) < seen + 50:
            await asyncio.sleep(0.02)
        stop.set()

    jobs: list[Awaitable[None]] = [kill(), *map(submit, range(3)), *map(work, range(2))]
    await asyncio.gather(*jobs)
    stored = await insist(lambda: unkilled.get_many.remote(sorted(acknowledged)))
    assert acknowledged == stored.keys()
    assert {i for i in finished if stored[i].state is not State.SUCCEEDED} == set()
    for job in stored.values():
        numbers = [attempt.fence for attempt in job.tasks[0].attempts]
        assert numbers == sorted(set(numbers))


async def test_a_call_ends_with_its_own_error_class(unkilled: Any) -> None:
    from reelyard.cluster.errors import NotFound

    with pytest.raises(NotFound, match="no pool"):
        await unkilled.pause.remote("nowhere")
