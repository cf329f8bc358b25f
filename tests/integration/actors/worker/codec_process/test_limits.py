"""Limits that the kernel enforces on a codec process."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelyard.cluster.errors import LimitExceeded, TimedOut
from tests.integration.actors.worker.codec_process.orders import MakeCodec, run


async def test_a_task_over_its_cpu_time_is_ended_by_the_kernel(make_codec: MakeCodec) -> None:
    codec = make_codec(cpu_s=0.5)
    with pytest.raises(TimedOut, match="CPU"):
        await run(codec, "burn", seconds=60.0)


async def test_each_task_has_its_own_cpu_time(make_codec: MakeCodec) -> None:
    codec = make_codec(cpu_s=1.0)
    for _ in range(4):
        await run(codec, "burn", seconds=0.6)
    assert codec.starts == 1


async def test_a_file_over_the_limit_is_refused(make_codec: MakeCodec, tmp_path: Path) -> None:
    codec = make_codec(max_output_bytes=4 << 20)
    with pytest.raises(LimitExceeded, match="4194304 bytes"):
        await run(codec, "fill", out=tmp_path, megabytes=8)
    assert (await run(codec, "nothing")).data == {"ok": True}
