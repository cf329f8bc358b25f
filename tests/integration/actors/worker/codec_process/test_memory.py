"""Memory of a codec process between tasks."""

from __future__ import annotations

from reelyard.actors.worker.codec_process.client import CodecClient
from tests.integration.actors.worker.codec_process.orders import run


async def test_rings_of_objects_are_freed_between_tasks(codec: CodecClient) -> None:
    found = [(await run(codec, "ring")).data for _ in range(3)]
    assert [data["alive"] for data in found] == [0, 0, 0]
    assert all(data["frozen"] > 10_000 for data in found)
