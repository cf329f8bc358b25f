"""Orders on their way through real codec processes: answered, cancelled, crashed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest
from structlog.contextvars import bound_contextvars
from structlog.testing import capture_logs

from reelyard.actors.media.operation import Progress, Result
from reelyard.actors.worker.codec_process.client import CodecClient, CodecCrashed
from reelyard.actors.worker.codec_process.order import Order
from reelyard.cluster.errors import CorruptMedia
from tests.integration.actors.worker.codec_process.orders import cancel_running, pid_of, run, until


async def test_many_tasks_are_answered_each_with_its_own_result(codec: CodecClient) -> None:
    results = await asyncio.gather(
        *(run(codec, "sleep", seconds=0.001 * (number % 3)) for number in range(100))
    )
    assert {result.data["pid"] for result in results} == {codec.pid}


async def test_an_error_of_the_operation_comes_back_whole(codec: CodecClient) -> None:
    with pytest.raises(CorruptMedia, match=r"clip\.mp4: no frames") as caught:
        await run(codec, "corrupt")
    assert caught.value.details == {"frames": 0}


async def test_a_crash_blames_the_running_task_only(codec: CodecClient) -> None:
    tasks = [asyncio.create_task(run(codec, act)) for act in ("die", "nothing", "nothing")]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[0], CodecCrashed)
    assert outcomes[0].how == "killed by SIGSEGV"
    assert [outcome.data for outcome in outcomes[1:] if isinstance(outcome, Result)] == [
        {"ok": True},
        {"ok": True},
    ]
    assert codec.starts == 2


async def test_a_crash_is_logged_with_the_job_that_it_hit(codec: CodecClient) -> None:
    with capture_logs() as lines, bound_contextvars(job_id="another"), pytest.raises(CodecCrashed):
        await codec.run(Order("trial", {"act": "die"}, [], "/tmp", job_id="job-1"))
    (crash,) = [line for line in lines if line["event"] == "codec_process_crashed"]
    assert (crash["job_id"], crash["operation"]) == ("job-1", "trial")


async def test_what_outlives_a_job_does_not_log_in_its_name(codec: CodecClient) -> None:
    with bound_contextvars(job_id="job-1"):
        await codec.run(Order("trial", {}, [], "/tmp"))
    assert codec._watcher is not None
    assert "job-1" not in codec._watcher.get_context().values()


async def test_kill_9_of_the_process_is_a_crash_and_the_next_task_runs(codec: CodecClient) -> None:
    task = asyncio.create_task(run(codec, "hang"))
    await until(lambda: codec.running is not None)
    assert codec.pid is not None
    os.kill(codec.pid, signal.SIGKILL)
    with pytest.raises(CodecCrashed, match="SIGKILL"):
        await task
    assert (await run(codec, "nothing")).data == {"ok": True}


async def test_cancel_stops_an_operation_that_listens_without_killing_it(
    codec: CodecClient,
) -> None:
    pid = await pid_of(codec)
    await cancel_running(codec, asyncio.create_task(run(codec, "sleep", seconds=60.0)))
    assert await pid_of(codec) == pid


async def test_cancel_kills_an_operation_that_does_not_listen(codec: CodecClient) -> None:
    pid = await pid_of(codec)
    await cancel_running(codec, asyncio.create_task(run(codec, "hang")))
    assert not psutil.pid_exists(pid)
    assert await pid_of(codec) != pid


async def test_a_cancelled_task_that_waits_is_never_run(codec: CodecClient, tmp_path: Path) -> None:
    first = asyncio.create_task(run(codec, "sleep", seconds=0.3))
    await until(lambda: codec.running is not None)
    flag = tmp_path / "ran"
    second = asyncio.create_task(run(codec, "count", flag=str(flag)))
    await asyncio.sleep(0.05)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await first
    await run(codec, "nothing")
    assert not flag.exists()


async def test_progress_arrives_while_the_operation_runs(codec: CodecClient) -> None:
    progress = Progress()
    order = Order("trial", {"act": "sleep", "seconds": 1.2}, [], "/tmp", progress)
    task = asyncio.create_task(codec.run(order))
    await until(lambda: 0 < progress.done_s < 1.2)
    assert progress.phase == "encode"
    assert progress.total_s == 1.2
    await task
