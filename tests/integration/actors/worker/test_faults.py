"""What is killed comes back, and nothing that was accepted is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
import ray

from reelyard.actors.jobs.model import JobSpec, Outcome, State
from reelyard.actors.pool.fleet import draining_nodes
from reelyard.actors.worker.status import WorkerStatus
from tests.integration.actors.worker.running_engine import RunningEngine

pytestmark = pytest.mark.ray


def running_on(engine: RunningEngine, job_id: str) -> WorkerStatus:
    """The worker that runs the job's task, which has begun in its codec process."""

    def begun() -> bool:
        task = engine.job(job_id).tasks[0]
        return task.state is State.RUNNING and task.progress > 5

    engine.until(begun)
    return engine.worker(engine.job(job_id).tasks[0].attempts[-1].worker)


def codec_pid(worker: WorkerStatus) -> int:
    assert worker.codec_pid is not None
    return worker.codec_pid


def outcomes(engine: RunningEngine, job_id: str) -> list[Outcome]:
    return [attempt.outcome for attempt in engine.job(job_id).tasks[0].attempts]


def test_a_job_runs_end_to_end(engine: RunningEngine) -> None:
    (job,) = engine.wait(engine.trial("write"))
    assert job.state is State.SUCCEEDED
    assert job.progress == 100.0
    assert [output.name for output in job.outputs] == ["out.txt"]
    path = engine.settings.data / "objects" / job.outputs[0].url.removeprefix("storage:")
    assert path.read_text() == "written"


def test_a_failed_job_says_why(engine: RunningEngine) -> None:
    (job,) = engine.wait(engine.trial("corrupt"))
    assert job.state is State.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("corrupt_media", "clip.mp4: no frames")


def test_a_running_job_shows_its_progress(engine: RunningEngine) -> None:
    job_id = engine.trial("sleep", seconds=3.0)
    running_on(engine, job_id)
    engine.until(lambda: (engine.job(job_id).tasks[0].speed or 0) > 0)
    task = engine.job(job_id).tasks[0]
    assert task.phase == "encode"
    assert task.eta_s is not None
    engine.wait(job_id)


def test_kill_9_of_a_worker_makes_another_attempt_that_finishes(engine: RunningEngine) -> None:
    job_id = engine.trial("sleep", seconds=2.0)
    worker = running_on(engine, job_id)
    os.kill(worker.pid, signal.SIGKILL)
    # The lease runs for 20 s: by then the job has long been done elsewhere.
    (job,) = engine.wait(job_id, timeout_s=15)
    assert job.state is State.SUCCEEDED
    assert outcomes(engine, job_id) == [Outcome.LOST, Outcome.SUCCEEDED]
    assert [attempt.fence for attempt in job.tasks[0].attempts] == [1, 2]
    replaced = engine.worker(worker.slot)
    assert replaced.incarnation != worker.incarnation


def test_a_worker_that_is_told_to_terminate_leaves_its_task_to_another(
    engine: RunningEngine,
) -> None:
    job_id = engine.trial("sleep", seconds=2.0)
    worker = running_on(engine, job_id)
    os.kill(worker.pid, signal.SIGTERM)
    (job,) = engine.wait(job_id, timeout_s=15)
    assert job.state is State.SUCCEEDED
    engine.until(lambda: not psutil.pid_exists(codec_pid(worker)))
    folder = engine.settings.scratch / f"{worker.slot}-{worker.incarnation}"
    engine.until(lambda: not folder.exists())


def test_the_codec_process_of_a_killed_worker_does_not_live_on(engine: RunningEngine) -> None:
    job_id = engine.trial("sleep", seconds=1.0)
    worker = running_on(engine, job_id)
    os.kill(worker.pid, signal.SIGKILL)
    engine.until(lambda: not psutil.pid_exists(codec_pid(worker)))
    engine.wait(job_id)


def test_kill_9_of_a_codec_process_makes_another_attempt(
    engine: RunningEngine, tmp_path: Path
) -> None:
    job_id = engine.trial("die_once", flag=str(tmp_path / "died"))
    (job,) = engine.wait(job_id)
    assert job.state is State.SUCCEEDED
    assert outcomes(engine, job_id) == [Outcome.CRASHED, Outcome.SUCCEEDED]


def test_a_poison_job_is_refused_after_two_crashes_and_workers_live_on(
    engine: RunningEngine,
) -> None:
    before = {worker.slot: worker.pid for worker in engine.idle_workers()}
    (job,) = engine.wait(engine.trial("die"))
    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error.code == "worker_crashed"
    assert outcomes(engine, job.id) == [Outcome.CRASHED] * engine.settings.max_crashes
    (after,) = engine.wait(engine.trial("nothing"))
    assert after.state is State.SUCCEEDED
    assert {worker.slot: worker.pid for worker in engine.idle_workers()} == before


def test_kill_9_of_the_registry_loses_nothing_that_was_accepted(engine: RunningEngine) -> None:
    running = engine.trial("sleep", seconds=3.0)
    running_on(engine, running)
    ids = engine.submit(*[JobSpec("trial", params={"act": "write"}) for _ in range(50)])
    pid = registry_pid(engine)
    os.kill(pid, signal.SIGKILL)
    jobs = engine.wait([running, *ids])
    assert {job.state for job in jobs} == {State.SUCCEEDED}
    assert outcomes(engine, running) == [Outcome.SUCCEEDED]
    assert registry_pid(engine) != pid


def test_kill_9_of_the_pool_manager_leaves_the_workers_at_work(engine: RunningEngine) -> None:
    job_id = engine.trial("sleep", seconds=3.0)
    worker = running_on(engine, job_id)
    os.kill(actor_pid(engine, "PoolManager"), signal.SIGKILL)
    (job,) = engine.wait(job_id)
    assert outcomes(engine, job.id) == [Outcome.SUCCEEDED]
    assert engine.worker(worker.slot).pid == worker.pid


def test_cancel_frees_the_worker_though_the_codec_does_not_listen(engine: RunningEngine) -> None:
    job_id = engine.trial("hang")
    engine.until(lambda: engine.job(job_id).state is State.RUNNING)
    worker = engine.worker(engine.job(job_id).tasks[0].attempts[0].worker)
    engine.until(lambda: engine.worker(worker.slot).held == 1)
    ray.get(engine.registry.cancel_many.remote([job_id], None))
    assert engine.job(job_id).state is State.CANCELLED
    engine.until(lambda: engine.worker(worker.slot).held == 0, timeout_s=10)
    assert engine.worker(worker.slot).pid == worker.pid


def test_a_memory_bomb_fails_and_the_worker_lives_on(engine: RunningEngine) -> None:
    before = {worker.slot: worker.pid for worker in engine.idle_workers()}
    (job,) = engine.wait(engine.trial("eat", megabytes=8192))
    assert job.error is not None
    assert job.error.code == "limit_exceeded"
    assert {worker.slot: worker.pid for worker in engine.idle_workers()} == before


def test_a_worker_that_was_stopped_for_a_while_is_fenced(
    engine: RunningEngine, tmp_path: Path
) -> None:
    flag = tmp_path / "done"
    job_id = engine.trial("sleep", seconds=2.0, flag=str(flag))
    worker = running_on(engine, job_id)
    os.kill(worker.pid, signal.SIGSTOP)
    os.kill(codec_pid(worker), signal.SIGSTOP)
    try:
        ray.get(engine.registry.lost.remote([worker.incarnation]))
        (job,) = engine.wait(job_id)
    finally:
        os.kill(codec_pid(worker), signal.SIGCONT)
        os.kill(worker.pid, signal.SIGCONT)
    assert job.state is State.SUCCEEDED
    engine.until(lambda: engine.worker(worker.slot).held == 0)
    assert engine.job(job_id).tasks[0].fence == job.tasks[0].fence


def test_ray_still_tells_which_nodes_drain(engine: RunningEngine) -> None:
    assert draining_nodes() == {}


def test_nothing_stays_in_the_scratch_folders(engine: RunningEngine) -> None:
    engine.wait([engine.trial("write") for _ in range(3)])
    living = {f"{w.slot}-{w.incarnation}" for w in engine.idle_workers()}

    def clean() -> bool:
        folders = list(engine.settings.scratch.iterdir())
        left = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {folder.name for folder in folders} <= living and {p.name for p in left} <= {
            ".owner.lock"
        }

    engine.until(clean)


def registry_pid(engine: RunningEngine) -> int:
    return actor_pid(engine, "JobRegistry")


def actor_pid(engine: RunningEngine, kind: str) -> int:
    """The process of the actor whose title begins so."""
    found: list[int] = []

    def there() -> bool:
        # Of this process's own raylet: other tests' servers have theirs further down.
        raylets = psutil.Process().children()
        children = [child for raylet in raylets for child in raylet.children()]
        found[:] = [child.pid for child in children if title(child).startswith(f"ray::{kind}")]
        return bool(found)

    engine.until(there)
    return found[0]


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
