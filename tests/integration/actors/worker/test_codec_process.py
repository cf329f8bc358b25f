"""The codec process itself: real processes, misbehaving operations."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.contextvars import bound_contextvars
from structlog.testing import capture_logs

from actors.media.operation import Progress, Result, Source
from actors.worker.codec_process.child import ChildSpec
from actors.worker.codec_process.client import Codec, CodecCrashed
from actors.worker.codec_process.order import CodecOptions, Order, configure_message
from cluster.errors import (
    BadRequest,
    CorruptMedia,
    LimitExceeded,
    ReelyardError,
    Stalled,
    TimedOut,
    UnknownOperation,
)
from cluster.settings import Settings
from tests.integration.actors.worker import trial_operations

OPERATIONS = trial_operations.__file__
MakeCodec = Callable[..., Codec]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[MakeCodec]:
    made: list[Codec] = []

    def make(least_life_s: float = 30.0, **settings: Any) -> Codec:
        config = Settings(**({"operations": [OPERATIONS], "cancel_grace_s": 0.2} | settings))
        options = replace(CodecOptions.of(config, 1), least_life_s=least_life_s)
        codec = Codec(ChildSpec(configure_message(config, 1), tmp_path), options)
        made.append(codec)
        return codec

    yield make
    for codec in made:
        await codec.close()


@pytest.fixture
def codec(make: MakeCodec) -> Codec:
    return make()


async def run(codec: Codec, act: str, out: Path | str = "/tmp", **params: Any) -> Result:
    inputs: list[Source] = params.pop("inputs", [])
    return await codec.run(Order("trial", {"act": act, **params}, inputs, str(out)))


async def pid_of(codec: Codec) -> int:
    return int((await run(codec, "pid")).data["pid"])


async def test_the_process_is_warm_and_used_again(codec: Codec) -> None:
    assert await pid_of(codec) == await pid_of(codec) == codec.pid
    assert codec.starts == 1


async def test_an_operation_reads_its_input_and_names_its_files(
    codec: Codec, tmp_path: Path
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("hello")
    result = await run(codec, "file", inputs=[Source(path, "holiday.txt")])
    assert result.data == {"text": "hello", "name": "holiday.txt"}
    written = await run(codec, "write", out=tmp_path)
    assert [(file.path, file.facts) for file in written.files] == [
        (tmp_path / "out.txt", {"frames": 3})
    ]


async def test_many_tasks_are_answered_each_with_its_own_result(codec: Codec) -> None:
    results = await asyncio.gather(
        *(run(codec, "sleep", seconds=0.001 * (number % 3)) for number in range(100))
    )
    assert {result.data["pid"] for result in results} == {codec.pid}


async def test_an_error_of_the_operation_comes_back_whole(codec: Codec) -> None:
    with pytest.raises(CorruptMedia, match=r"clip\.mp4: no frames") as caught:
        await run(codec, "corrupt")
    assert caught.value.details == {"frames": 0}


async def test_a_bug_in_an_operation_shows_no_traceback_to_the_client(codec: Codec) -> None:
    with pytest.raises(ReelyardError) as caught:
        await run(codec, "raise")
    assert caught.value.code == "internal"
    assert "secret" not in caught.value.message
    assert "a secret inner detail" in (caught.value.internal or "")


@pytest.mark.parametrize("act", ["lie", "odd"])
async def test_a_result_that_is_not_true_is_an_error(codec: Codec, act: str) -> None:
    with pytest.raises(ReelyardError):
        await run(codec, act)
    assert (await run(codec, "nothing")).data == {"ok": True}


async def test_an_unknown_operation_is_refused(codec: Codec) -> None:
    with pytest.raises(UnknownOperation, match="juggle"):
        await codec.run(Order("juggle", {}, [], "/tmp"))


async def test_a_crash_blames_the_running_task_only(codec: Codec) -> None:
    tasks = [asyncio.create_task(run(codec, act)) for act in ("die", "nothing", "nothing")]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[0], CodecCrashed)
    assert outcomes[0].how == "killed by SIGSEGV"
    assert [outcome.data for outcome in outcomes[1:] if isinstance(outcome, Result)] == [
        {"ok": True},
        {"ok": True},
    ]
    assert codec.starts == 2


async def test_a_crash_is_logged_with_the_job_that_it_hit(codec: Codec) -> None:
    with capture_logs() as lines, bound_contextvars(job_id="another"), pytest.raises(CodecCrashed):
        await codec.run(Order("trial", {"act": "die"}, [], "/tmp", job_id="job-1"))
    (crash,) = [line for line in lines if line["event"] == "codec_process_crashed"]
    assert (crash["job_id"], crash["operation"]) == ("job-1", "trial")


async def test_what_outlives_a_job_does_not_log_in_its_name(codec: Codec) -> None:
    with bound_contextvars(job_id="job-1"):
        await codec.run(Order("trial", {}, [], "/tmp"))
    assert codec._watcher is not None
    names = [variable.name for variable in codec._watcher.get_context()]
    assert not [name for name in names if name.endswith("job_id")]


async def test_kill_9_of_the_process_is_a_crash_and_the_next_task_runs(codec: Codec) -> None:
    task = asyncio.create_task(run(codec, "hang"))
    await until(lambda: codec.head is not None)
    assert codec.pid is not None
    os.kill(codec.pid, signal.SIGKILL)
    with pytest.raises(CodecCrashed, match="SIGKILL"):
        await task
    assert (await run(codec, "nothing")).data == {"ok": True}


async def test_cancel_stops_an_operation_that_listens_without_killing_it(codec: Codec) -> None:
    pid = await pid_of(codec)
    await cancel_running(codec, asyncio.create_task(run(codec, "sleep", seconds=60.0)))
    assert await pid_of(codec) == pid


async def test_cancel_kills_an_operation_that_does_not_listen(codec: Codec) -> None:
    pid = await pid_of(codec)
    await cancel_running(codec, asyncio.create_task(run(codec, "hang")))
    assert not psutil.pid_exists(pid)
    assert await pid_of(codec) != pid


async def test_what_an_operation_has_started_ends_with_it(codec: Codec, tmp_path: Path) -> None:
    flag = tmp_path / "pid"
    task = asyncio.create_task(run(codec, "spawn", flag=str(flag)))
    await until(lambda: flag.exists() and bool(flag.read_text()))
    await cancel_running(codec, task)
    await until(lambda: not psutil.pid_exists(int(flag.read_text())))


async def test_a_cancelled_task_that_waits_is_never_run(codec: Codec, tmp_path: Path) -> None:
    first = asyncio.create_task(run(codec, "sleep", seconds=0.3))
    await until(lambda: codec.head is not None)
    flag = tmp_path / "ran"
    second = asyncio.create_task(run(codec, "count", flag=str(flag)))
    await asyncio.sleep(0.05)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await first
    await run(codec, "nothing")
    assert not flag.exists()


async def test_a_process_without_progress_is_ended_as_stalled(make: MakeCodec) -> None:
    codec = make(stall_timeout_s=0.5)
    with pytest.raises(Stalled, match="no progress") as caught:
        await run(codec, "hang")
    assert caught.value.retryable
    assert (await run(codec, "nothing")).data == {"ok": True}


async def test_a_slow_task_that_makes_progress_is_not_stalled(make: MakeCodec) -> None:
    codec = make(stall_timeout_s=0.8)
    await run(codec, "sleep", seconds=1.6)
    assert codec.starts == 1


async def test_a_stopped_process_is_ended_as_stalled(make: MakeCodec) -> None:
    codec = make(stall_timeout_s=0.8)
    task = asyncio.create_task(run(codec, "sleep", seconds=60.0))
    await until(lambda: codec.head is not None)
    assert codec.pid is not None
    os.kill(codec.pid, signal.SIGSTOP)
    with pytest.raises(Stalled):
        await task


async def test_a_task_over_its_time_is_ended(make: MakeCodec) -> None:
    codec = make(task_timeout_s=0.5)
    with pytest.raises(TimedOut, match=r"0\.5 s"):
        await run(codec, "sleep", seconds=60.0)


async def test_a_task_over_its_cpu_time_is_ended_by_the_kernel(codec: Codec) -> None:
    codec.options = replace(codec.options, cpu_s=0.5)
    with pytest.raises(TimedOut, match="CPU"):
        await run(codec, "burn", seconds=60.0)


async def test_each_task_has_its_own_cpu_time(codec: Codec) -> None:
    codec.options = replace(codec.options, cpu_s=1.0)
    for _ in range(4):
        await run(codec, "burn", seconds=0.6)
    assert codec.starts == 1


async def test_a_memory_bomb_is_refused_and_the_process_renewed(make: MakeCodec) -> None:
    codec = make(codec_memory_bytes=1 << 30)
    pid = await pid_of(codec)
    with pytest.raises(LimitExceeded, match="1024 MiB"):
        await run(codec, "eat", megabytes=4096)
    assert await settles_on_another_pid(codec, pid)


async def test_a_file_over_the_limit_is_refused(make: MakeCodec, tmp_path: Path) -> None:
    codec = make(max_output_bytes=4 << 20)
    with pytest.raises(LimitExceeded, match="4194304 bytes"):
        await run(codec, "fill", out=tmp_path, megabytes=8)
    assert (await run(codec, "nothing")).data == {"ok": True}


async def test_a_full_disk_is_told_as_such(codec: Codec) -> None:
    with pytest.raises(ReelyardError) as caught:
        await run(codec, "full")
    assert caught.value.code == "storage_full"
    assert caught.value.retryable


async def test_a_worn_process_is_renewed_after_so_many_tasks(make: MakeCodec) -> None:
    codec = make(codec_max_tasks=3, least_life_s=0.0)
    pid = await pid_of(codec)
    assert await settles_on_another_pid(codec, pid)
    await until(lambda: not psutil.pid_exists(pid))


async def test_a_grown_process_is_renewed(make: MakeCodec) -> None:
    codec = make(codec_max_growth_bytes=64 << 20)
    pid = await pid_of(codec)
    await run(codec, "leak", megabytes=128)
    assert await settles_on_another_pid(codec, pid)


async def test_rings_of_objects_are_freed_between_tasks(codec: Codec) -> None:
    found = [(await run(codec, "ring")).data for _ in range(3)]
    assert [data["alive"] for data in found] == [0, 0, 0]
    assert all(data["frozen"] > 10_000 for data in found)


async def test_progress_arrives_while_the_operation_runs(codec: Codec) -> None:
    progress = Progress()
    order = Order("trial", {"act": "sleep", "seconds": 1.2}, [], "/tmp", progress)
    task = asyncio.create_task(codec.run(order))
    await until(lambda: 0 < progress.done_s < 1.2)
    assert progress.phase == "encode"
    assert progress.total_s == 1.2
    await task


async def test_an_operation_file_that_cannot_be_loaded_fails_the_task(make: MakeCodec) -> None:
    codec = make(operations=["/nowhere/mine.py"])
    with pytest.raises(BadRequest, match=r"mine\.py"):
        await run(codec, "nothing")


async def test_the_process_sees_no_secret_and_no_gpu(
    make: MakeCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("REELYARD_SIGNING_SECRET", "hush")
    found = (await run(make(), "env")).data
    assert "hush" not in found["env"].values()
    assert found["env"]["CUDA_VISIBLE_DEVICES"] == ""
    assert found["env"]["OMP_NUM_THREADS"] == "1"
    assert found["no_new_privs"] == 1


async def test_the_process_ends_with_its_worker(codec: Codec, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from actors.worker.codec_process.child import ChildSpec\n"
        "from actors.worker.codec_process.client import Codec\n"
        "from actors.worker.codec_process.order import CodecOptions, Order, configure_message\n"
        "from cluster.settings import Settings\n"
        "async def main():\n"
        f"    settings = Settings(operations=[{OPERATIONS!r}])\n"
        "    spec = ChildSpec(configure_message(settings, 1), Path(sys.argv[1]))\n"
        "    codec = Codec(spec, CodecOptions.of(settings, 1))\n"
        "    result = await codec.run(Order('trial', {'act': 'pid'}, [], '/tmp'))\n"
        "    print(result.data['pid'], flush=True)\n"
        "    await codec.run(Order('trial', {'act': 'hang'}, [], '/tmp'))\n"
        "asyncio.run(main())\n"
    )
    import sys

    worker = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    pid = int(await worker.stdout.readline())
    worker.kill()
    await worker.wait()
    await until(lambda: not psutil.pid_exists(pid))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def cancel_running(codec: Codec, task: asyncio.Task[Result]) -> None:
    await until(lambda: codec.head is not None)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def settles_on_another_pid(codec: Codec, pid: int) -> bool:
    async with asyncio.timeout(20):
        while await pid_of(codec) == pid:
            await asyncio.sleep(0.05)
    return True
