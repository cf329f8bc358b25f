"""Orders to run the `trial` operation in a real codec process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from reelyard.actors.media.operation import Result, Source
from reelyard.actors.worker.codec_process.client import CodecClient
from reelyard.actors.worker.codec_process.order import Order


class MakeCodec(Protocol):
    """Makes a client with these settings; it is closed after the test."""

    def __call__(
        self, *, least_life_s: float = 30.0, cpu_s: float | None = None, **settings: Any
    ) -> CodecClient: ...


async def run(codec: CodecClient, act: str, out: Path | str = "/tmp", **params: Any) -> Result:
    """Run `trial` with these parameters and `inputs`."""
    inputs: list[Source] = params.pop("inputs", [])
    return await codec.run(Order("trial", {"act": act, **params}, inputs, str(out)))


async def pid_of(codec: CodecClient) -> int:
    """The process that runs the next order."""
    return int((await run(codec, "pid")).data["pid"])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def cancel_running(codec: CodecClient, task: asyncio.Task[Result]) -> None:
    await until(lambda: codec.running is not None)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def settles_on_another_pid(codec: CodecClient, pid: int) -> bool:
    async with asyncio.timeout(20):
        while await pid_of(codec) == pid:
            await asyncio.sleep(0.05)
    return True
