"""Two raylets on one machine, run as a program of its own (its Ray is not the test session's).

`two_nodes DATA_DIR REPORT` writes what was seen as JSON; `test_two_nodes.py` judges it.
"""

from __future__ import annotations

import json
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

import ray
from ray.cluster_utils import Cluster

from actors.engine import get_pool_manager, start_engine, stop_engine
from actors.jobs.model import Job, JobSpec
from actors.media.operation import load_operations
from cluster.ray_env import HEALTH_CHECKS
from cluster.settings import PoolSettings, Settings
from tests.integration.actors.worker.engine import Engine, engine_settings

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
        Path(sys.argv[2]).write_text(json.dumps(watch(settings, cluster, second)))
    finally:
        ray.shutdown()
        cluster.shutdown()


def watch(settings: Settings, cluster: Cluster, second: Any) -> dict[str, Any]:
    start_engine(settings)
    engine = Engine(settings, cluster)  # type: ignore[arg-type]  # only its settings are used
    seen: dict[str, Any] = {
        "nodes": {node["Labels"]["zone"]: node["NodeID"] for node in ray.nodes()}
    }
    until(lambda: len([w for w in engine.workers() if w["alive"]]) >= 4)
    seen["workers"] = engine.workers()
    # More GPU work than one worker can do: the second device gets its worker.
    gpu_jobs = [engine.submit(spec("sleep", "gpu", seconds=2.0))[0] for _ in range(3)]
    until(
        lambda: len([w for w in engine.workers() if w["pool"] == "gpu" and w["alive"]]) == 2,
        lambda: (engine.workers(), engine.overview(), [told(engine.job(job)) for job in gpu_jobs]),
    )
    seen["gpu_workers"] = [w for w in engine.workers() if w["pool"] == "gpu"]
    seen["gpu_jobs"] = [told(job) for job in engine.wait(gpu_jobs)]
    seen["env"] = engine.wait(engine.submit(spec("env", "gpu")))[0].result["env"]  # type: ignore[index]
    seen["cpu_env"] = engine.wait(engine.submit(spec("env", None)))[0].result["env"]  # type: ignore[index]

    running = [engine.submit(spec("sleep", None, seconds=8.0))[0] for _ in range(2)]
    until(lambda: all(engine.job(job_id).progress > 5 for job_id in running))
    second.all_processes["raylet"][0].process.kill()
    killed = time.monotonic()
    seen["survivors"] = [told(job) for job in engine.wait(running, timeout_s=90)]
    seen["recovered_s"] = round(time.monotonic() - killed, 1)
    until(lambda: "GPU" not in ray.cluster_resources())
    seen["gpu_job_without_gpu"] = told(engine.wait(engine.submit(spec("nothing", "gpu")))[0])
    seen["after"] = [w for w in engine.workers() if w["alive"]]
    assert get_pool_manager(settings) is not None
    stop_engine(settings, grace_s=0.5)
    return seen


def spec(act: str, pool: str | None, **params: Any) -> JobSpec:
    return JobSpec("trial", params={"act": act, "lane": "cpu", **params}, pool=pool)


def told(job: Job) -> dict[str, Any]:
    attempts = job.tasks[0].attempts
    return {
        "state": job.state.value,
        "workers": [attempt.worker for attempt in attempts],
        "outcomes": [attempt.outcome.value for attempt in attempts],
        "note": (job.result or {}).get("note"),
    }


def until(condition: Callable[[], bool], tell: Callable[[], object] = lambda: None) -> None:
    try:
        Engine.until(condition, 60.0)
    except AssertionError as error:
        raise AssertionError(f"not in time: {tell()}") from error


if __name__ == "__main__":
    main()
