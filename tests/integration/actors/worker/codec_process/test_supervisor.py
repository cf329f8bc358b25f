"""Codec processes that come and go: kept warm, renewed when worn, replaced."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from reelyard.actors.worker.codec_process.client import CodecClient
from reelyard.cluster.errors import LimitExceeded, Unavailable
from tests.integration.actors.worker import misbehaving_operations
from tests.integration.actors.worker.codec_process.orders import (
    MakeCodec,
    pid_of,
    run,
    settles_on_another_pid,
    until,
)


async def test_the_process_is_warm_and_used_again(codec: CodecClient) -> None:
    assert await pid_of(codec) == await pid_of(codec) == codec.pid
    assert codec.starts == 1


async def test_a_memory_bomb_is_refused_and_the_process_renewed(make_codec: MakeCodec) -> None:
    codec = make_codec(codec_memory_bytes=1 << 30)
    pid = await pid_of(codec)
    with pytest.raises(LimitExceeded, match="1024 MiB"):
        await run(codec, "eat", megabytes=4096)
    assert await settles_on_another_pid(codec, pid)


async def test_a_worn_process_is_renewed_after_so_many_tasks(make_codec: MakeCodec) -> None:
    codec = make_codec(codec_max_tasks=3, least_life_s=0.0)
    pid = await pid_of(codec)
    assert await settles_on_another_pid(codec, pid)
    await until(lambda: not psutil.pid_exists(pid))


async def test_a_grown_process_is_renewed(make_codec: MakeCodec) -> None:
    codec = make_codec(codec_max_growth_bytes=64 << 20)
    pid = await pid_of(codec)
    await run(codec, "leak", megabytes=128)
    assert await settles_on_another_pid(codec, pid)


async def test_a_successor_that_cannot_load_its_operations_costs_the_running_tasks_nothing(
    make_codec: MakeCodec, tmp_path: Path
) -> None:
    operations = tmp_path / "operations.py"
    operations.write_text(Path(misbehaving_operations.__file__).read_text())
    codec = make_codec(codec_max_tasks=2, least_life_s=0.0, operations=[str(operations)])
    pid = await pid_of(codec)
    operations.write_text("no Python")
    results = await asyncio.gather(*(run(codec, "pid") for _ in range(10)))
    assert {result.data["pid"] for result in results} == {pid}


async def test_a_worn_process_works_on_while_no_other_one_can_be_started(
    make_codec: MakeCodec, tmp_path: Path
) -> None:
    codec = make_codec(codec_max_tasks=2, least_life_s=0.0)
    pid = await pid_of(codec)
    # It was to be the working folder of the next one.
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    results = await asyncio.gather(*(run(codec, "pid") for _ in range(10)))
    assert {result.data["pid"] for result in results} == {pid}


async def test_without_any_process_a_task_fails_rather_than_waits(
    make_codec: MakeCodec, tmp_path: Path
) -> None:
    codec = make_codec()
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    with pytest.raises(Unavailable, match="can't be started"):
        await run(codec, "nothing")
