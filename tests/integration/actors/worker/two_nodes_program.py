"""Two raylets on one machine, run as a program of its own (its Ray is not the test session's).

`two_nodes_program DATA_DIR REPORT` writes a `TwoNodesReport` as JSON, which `test_two_nodes.py`
judges.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
}

import msgspec
import ray
from ray.cluster_utils import Cluster

from reelyard.actors.engine import get_pool_manager, start_engine, stop_engine
from reelyard.actors.jobs.model import JobSpec
from reelyard.actors.media.catalogue import load_operations
from reelyard.cluster.runtime.ray_env import HEALTH_CHECKS
from reelyard.cluster.settings import PoolSettings, Settings
from tests.integration.actors.worker.running_engine import RunningEngine, engine_settings
from tests.integration.actors.worker.two_nodes_report import JobSeen, TwoNodesReport

POOLS = {
    "light": PoolSettings(min_workers=1, max_workers=1, cpus_per_worker=0.25, labels={"zone": "a"}),
    "cpu": PoolSettings(min_workers=2, max_workers=2, cpus_per_worker=1.5, steals_from=("light",)),
    "gpu": PoolSettings(min_workers=0, max_workers=8, cpus_per_worker=0.1, gpus_per_worker=1),
}


def main() -> None:
    home = Path(sys.argv[1])
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "num_gpus": 0,
            "labels": {"zone": "a"},
            "include_dashboard": False,
            "object_store_memory": 80 << 20,
            "_system_config": HEALTH_CHECKS,
        },
    )
    second = cluster.add_node(
        num_cpus=2, num_gpus=2, labels={"zone": "b"}, object_store_memory=80 << 20
    )
    settings = engine_settings(home, pools=POOLS, poll_s=1.0)
    load_operations(settings.operations)
    ray.init(
        address=cluster.address,
        namespace=settings.namespace,
        log_to_driver=False,
        logging_level="error",
    )
    try:
        Path(sys.argv[2]).write_bytes(msgspec.json.encode(watch(settings, cluster, second)))
    finally:
        ray.shutdown()
        cluster.shutdown()


def watch(settings: Settings, cluster: Cluster, second: Any) -> TwoNodesReport:
    start_engine(settings)
    engine = RunningEngine(settings, cluster)
    nodes = {node["Labels"]["zone"]: node["NodeID"] for node in ray.nodes()}
    until(lambda: len([w for w in engine.workers() if w.alive]) >= 4)
    workers = engine.workers()
    # More GPU work than one worker can do: the second device gets its worker.
    gpu_jobs = [engine.submit(spec("sleep", "gpu", seconds=2.0))[0] for _ in range(3)]
    until(
        lambda: len([w for w in engine.workers() if w.pool == "gpu" and w.alive]) == 2,
        lambda: (
            engine.workers(),
            engine.overview(),
            [JobSeen.of(engine.job(job)) for job in gpu_jobs],
        ),
    )
    gpu_workers = [w for w in engine.workers() if w.pool == "gpu"]
    gpu_seen = [JobSeen.of(job) for job in engine.wait(gpu_jobs)]
    gpu_env = environment_seen(engine, "gpu")
    cpu_env = environment_seen(engine, None)

    running = [engine.submit(spec("sleep", None, seconds=8.0))[0] for _ in range(2)]
    until(lambda: all(engine.job(job_id).progress > 5 for job_id in running))
    second.all_processes["raylet"][0].process.kill()
    killed = time.monotonic()
    survivors = [JobSeen.of(job) for job in engine.wait(running, timeout_s=90)]
    recovered_s = round(time.monotonic() - killed, 1)
    until(lambda: "GPU" not in ray.cluster_resources())
    without_gpu = JobSeen.of(engine.wait(engine.submit(spec("nothing", "gpu")))[0])
    after = [w for w in engine.workers() if w.alive]
    assert get_pool_manager(settings) is not None
    stop_engine(settings, grace_s=0.5)
    return TwoNodesReport(
        nodes=nodes,
        workers=workers,
        gpu_workers=gpu_workers,
        gpu_jobs=gpu_seen,
        gpu_env=gpu_env,
        cpu_env=cpu_env,
        survivors=survivors,
        recovered_s=recovered_s,
        gpu_job_without_gpu=without_gpu,
        after=after,
    )


def spec(act: str, pool: str | None, **params: Any) -> JobSpec:
    return JobSpec("trial", params={"act": act, "lane": "cpu", **params}, pool=pool)


def environment_seen(engine: RunningEngine, pool: str | None) -> dict[str, str]:
    """The environment of a codec process there."""
    (job,) = engine.wait(engine.submit(spec("env", pool)))
    assert job.result is not None
    found: dict[str, str] = job.result["env"]
    return found


def until(condition: Callable[[], bool], tell: Callable[[], object] = lambda: None) -> None:
    try:
        RunningEngine.until(condition, 60.0)
    except AssertionError as error:
        raise AssertionError(f"not in time: {tell()}") from error


if __name__ == "__main__":
    main()
