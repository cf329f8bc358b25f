"""A running engine as tests see it: Ray, registry, workers, SQLite."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelyard.actors.jobs.messages import Accepted, Overview, Submission
from reelyard.actors.jobs.model import Job, JobSpec
from reelyard.actors.jobs.plan import plan_job
from reelyard.actors.pool.status import PoolWorker
from reelyard.actors.worker.status import WorkerStatus
from reelyard.cluster.runtime.ray_cluster import Cluster
from reelyard.cluster.settings import Settings

TRIAL_OPERATIONS = Path(__file__).with_name("misbehaving_operations.py")


@dataclass
class RunningEngine:
    """The running engine, with shortcuts for tests."""

    settings: Settings
    cluster: Cluster

    @property
    def registry(self) -> Any:
        """The registry's handle."""
        from reelyard.actors.registry import get_registry

        return get_registry(self.settings)

    @property
    def manager(self) -> Any:
        """The pool manager's handle."""
        from reelyard.actors.engine import get_pool_manager

        return get_pool_manager(self.settings)

    def workers(self) -> list[PoolWorker]:
        """Every worker as the pool manager tells of it."""
        import ray

        found: list[PoolWorker] = ray.get(self.manager.workers.remote())
        return found

    def worker(self, slot: str) -> WorkerStatus:
        """The status of the worker in that slot, asked of itself; waits until it works."""
        found: list[WorkerStatus] = []

        def works() -> bool:
            import ray

            handle = ray.get_actor(slot, namespace=self.settings.namespace)
            found[:] = [ray.get(handle.status.remote(), timeout=5)]
            return found[0].loop is not None

        self.until(works)
        return found[0]

    def idle_workers(self) -> list[WorkerStatus]:
        """The status of every worker, once each of them is alive and idle."""
        found: list[WorkerStatus] = []

        def idle() -> bool:
            workers = self.workers()
            found[:] = [w.status for w in workers if w.alive and w.status and w.status.held == 0]
            return len(found) == len(workers) and {s.pool for s in found} >= {"light", "cpu"}

        self.until(idle)
        return found

    def submit(self, *specs: JobSpec) -> list[str]:
        """Submit jobs; their ids. Fails on a refusal."""
        import ray

        batch = [Submission(plan_job(spec)) for spec in specs]
        answers = ray.get(self.registry.submit_many.remote(batch))
        assert all(isinstance(answer, Accepted) for answer in answers), answers
        return [answer.job.id for answer in answers]

    def trial(self, act: str, *, pool: str | None = None, **params: Any) -> str:
        """Submit one `trial` job."""
        return self.submit(JobSpec("trial", params={"act": act, **params}, pool=pool))[0]

    def job(self, job_id: str) -> Job:
        """The job as it is now."""
        import ray

        found: Job = ray.get(self.registry.get_many.remote([job_id]))[job_id]
        return found

    def wait(self, job_ids: str | Sequence[str], timeout_s: float = 60.0) -> list[Job]:
        """The jobs once all have ended. The registry may restart meanwhile."""
        ids = [job_ids] if isinstance(job_ids, str) else list(job_ids)
        jobs: dict[str, Job] = {}

        def ended() -> bool:
            import ray

            jobs.update(ray.get(self.registry.get_many.remote(ids), timeout=20))
            return all(jobs[job_id].state.terminal for job_id in ids)

        self.until(ended, timeout_s)
        return [jobs[job_id] for job_id in ids]

    def overview(self) -> Overview:
        """The registry at a glance."""
        import ray

        found: Overview = ray.get(self.registry.overview.remote())
        return found

    @staticmethod
    def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait for `condition`; Ray's errors count as: not yet."""
        from ray.exceptions import RayError

        end = time.monotonic() + timeout_s
        while True:
            try:
                if condition():
                    return
            except (RayError, ValueError):
                pass
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)


def engine_settings(data_dir: Path, **changes: Any) -> Settings:
    """Settings of a test engine: everything short, everything in `data_dir`."""
    short: dict[str, Any] = {
        "data_dir": data_dir,
        "cpus": 2,
        "operations": [str(TRIAL_OPERATIONS)],
        "heartbeat_s": 0.2,
        "poll_s": 2.0,
        "lease_ttl_s": 20.0,
        "sweep_interval_s": 2.0,
        "cancel_grace_s": 0.3,
        "stall_timeout_s": 30.0,
        "codec_memory_bytes": 1 << 30,
        "scratch_reserve_bytes": 0,
        "object_store_bytes": 80 << 20,
        "log_format": "json",
    }
    return Settings(**(short | changes))
