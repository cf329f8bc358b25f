"""A codec process as the system sees it: its environment, its children, its end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from reelyard.actors.worker.codec_process.client import CodecClient
from tests.integration.actors.worker import misbehaving_operations
from tests.integration.actors.worker.codec_process.orders import (
    MakeCodec,
    cancel_running,
    run,
    until,
)
from tests.paths import ROOT


async def test_what_an_operation_has_started_ends_with_it(
    codec: CodecClient, tmp_path: Path
) -> None:
    flag = tmp_path / "pid"
    task = asyncio.create_task(run(codec, "spawn", flag=str(flag)))
    await until(lambda: flag.exists() and bool(flag.read_text()))
    await cancel_running(codec, task)
    await until(lambda: not psutil.pid_exists(int(flag.read_text())))


async def test_the_process_sees_no_secret_and_no_gpu(
    make_codec: MakeCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("REELYARD_SIGNING_SECRET", "hush")
    found = (await run(make_codec(), "env")).data
    assert "hush" not in found["env"].values()
    assert found["env"]["CUDA_VISIBLE_DEVICES"] == ""
    assert found["env"]["OMP_NUM_THREADS"] == "1"
    assert found["no_new_privs"] == 1


async def test_the_process_ends_with_its_worker(tmp_path: Path) -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.actors.worker.codec_process.lone_worker_program",
        misbehaving_operations.__file__,
        str(tmp_path),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdout is not None
    pid = int(await worker.stdout.readline())
    worker.kill()
    await worker.wait()
    await until(lambda: not psutil.pid_exists(pid))
