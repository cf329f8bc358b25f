"""Tasks that stand still or take too long: their process is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from reelyard.actors.worker.codec_process.client import CodecCrashed
from reelyard.cluster.errors import Stalled, TimedOut
from tests.integration.actors.worker.codec_process.orders import MakeCodec, run, until


async def test_a_process_without_progress_is_ended_as_stalled(make_codec: MakeCodec) -> None:
    codec = make_codec(stall_timeout_s=0.5)
    with pytest.raises(Stalled, match="no progress") as caught:
        await run(codec, "hang")
    assert caught.value.retryable
    assert (await run(codec, "nothing")).data == {"ok": True}


async def test_a_slow_task_that_makes_progress_is_not_stalled(make_codec: MakeCodec) -> None:
    codec = make_codec(stall_timeout_s=0.8)
    await run(codec, "sleep", seconds=1.6)
    assert codec.starts == 1


async def test_a_stopped_process_is_ended_as_stalled(make_codec: MakeCodec) -> None:
    codec = make_codec(stall_timeout_s=0.8)
    task = asyncio.create_task(run(codec, "sleep", seconds=60.0))
    await until(lambda: codec.running is not None)
    assert codec.pid is not None
    os.kill(codec.pid, signal.SIGSTOP)
    with pytest.raises(Stalled):
        await task


async def test_a_task_over_its_time_is_ended(make_codec: MakeCodec) -> None:
    codec = make_codec(task_timeout_s=0.5)
    with pytest.raises(TimedOut, match=r"0\.5 s"):
        await run(codec, "sleep", seconds=60.0)


async def test_a_child_that_was_left_behind_does_not_keep_the_worker(
    make_codec: MakeCodec, tmp_path: Path
) -> None:
    codec = make_codec(stall_timeout_s=0.5)
    flag = tmp_path / "pid"
    with pytest.raises(Stalled):
        await run(codec, "leave", flag=str(flag))
    await until(lambda: not psutil.pid_exists(int(flag.read_text())))
    assert (await run(codec, "nothing")).data == {"ok": True}


async def test_a_child_of_a_process_that_died_does_not_keep_the_worker(
    make_codec: MakeCodec, tmp_path: Path
) -> None:
    codec = make_codec()
    flag = tmp_path / "pid"
    with pytest.raises(CodecCrashed, match="SIGSEGV"):
        await run(codec, "leave", flag=str(flag), megabytes=1)
    await until(lambda: not psutil.pid_exists(int(flag.read_text())))
    assert (await run(codec, "nothing")).data == {"ok": True}
