"""The codec process from inside: what it loads, runs and answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelyard.actors.media.operation import Source
from reelyard.actors.worker.codec_process.client import CodecClient
from reelyard.actors.worker.codec_process.order import Order
from reelyard.cluster.errors import BadRequest, ReelyardError, UnknownOperation
from tests.integration.actors.worker.codec_process.orders import MakeCodec, run


async def test_an_operation_reads_its_input_and_names_its_files(
    codec: CodecClient, tmp_path: Path
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("hello")
    result = await run(codec, "file", inputs=[Source(path, "holiday.txt")])
    assert result.data == {"text": "hello", "name": "holiday.txt"}
    written = await run(codec, "write", out=tmp_path)
    assert [(file.path, file.facts) for file in written.files] == [
        (tmp_path / "out.txt", {"frames": 3})
    ]


async def test_a_bug_in_an_operation_is_told_to_its_author_and_not_in_the_message(
    codec: CodecClient,
) -> None:
    with pytest.raises(ReelyardError) as caught:
        await run(codec, "raise")
    assert caught.value.code == "internal"
    assert "secret" not in caught.value.message
    assert "a secret inner detail" in (caught.value.internal or "")
    told = caught.value.details["traceback"]
    assert "a secret inner detail" in told
    assert "misbehaving_operations.py" in told
    assert "codec_process/main.py" not in told


async def test_an_operation_that_exits_is_a_failed_one(codec: CodecClient) -> None:
    with pytest.raises(ReelyardError, match="unexpectedly") as caught:
        await run(codec, "exit")
    assert caught.value.details["traceback"].endswith("SystemExit: 3\n")
    assert (await run(codec, "nothing")).data == {"ok": True}


async def test_an_unknown_operation_is_refused(codec: CodecClient) -> None:
    with pytest.raises(UnknownOperation, match="juggle"):
        await codec.run(Order("juggle", {}, [], "/tmp"))


async def test_a_full_disk_is_told_as_such(codec: CodecClient) -> None:
    with pytest.raises(ReelyardError) as caught:
        await run(codec, "full")
    assert caught.value.code == "storage_full"
    assert caught.value.retryable


async def test_an_operation_file_that_cannot_be_loaded_fails_the_task(
    make_codec: MakeCodec,
) -> None:
    codec = make_codec(operations=["/nowhere/mine.py"])
    with pytest.raises(BadRequest, match=r"mine\.py"):
        await run(codec, "nothing")


async def test_the_process_loads_neither_ray_nor_a_store_nor_a_web_framework(
    codec: CodecClient,
) -> None:
    loaded = (await run(codec, "modules")).data["packages"]
    assert "av" in loaded
    assert not {"ray", "redis", "obstore", "fastapi", "api"} & set(loaded)


@pytest.mark.parametrize("act", ["lie", "odd"])
async def test_a_result_that_is_not_true_is_an_error(codec: CodecClient, act: str) -> None:
    with pytest.raises(ReelyardError) as caught:
        await run(codec, act)
    assert act == "lie" or "not JSON-able" in caught.value.details["traceback"]
    assert (await run(codec, "nothing")).data == {"ok": True}
