"""Worker pools: how many MediaWorkers of which kind there are. `start_engine` starts it all."""

from __future__ import annotations

from typing import Any

from cluster.errors import Unavailable
from cluster.settings import Settings

POOL_MANAGER_NAME = "pool_manager"
START_S = 120.0

__all__ = ["POOL_MANAGER_NAME", "get_pool_manager", "start_engine", "stop_engine"]


def start_engine(settings: Settings) -> None:
    """Start registry, pool manager and workers in the connected Ray cluster; wait for workers.

    Where they run already, nothing changes. Raises `Unavailable` if a pool gets no worker.
    """
    import ray

    from actors.pool.manager import PoolManager
    from actors.registry import start_registry

    settings = settings.portable()
    start_registry(settings)
    manager = (
        ray.remote(PoolManager)
        .options(
            name=POOL_MANAGER_NAME,
            namespace=settings.namespace,
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0,
            # Beside the registry, on the node that lives longest.
            resources={"node:__internal_head__": 0.001},
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=100,
            enable_task_events=False,
        )
        .remote(settings)
    )
    if not ray.get(manager.ready.remote(START_S), timeout=START_S + 30):
        raise Unavailable(
            f"no worker could be started within {START_S:g} s; is the cluster too small for its "
            "pools?"
        )


def get_pool_manager(settings: Settings) -> Any:
    """The pool manager's handle. Raises `Unavailable`."""
    import ray

    try:
        return ray.get_actor(POOL_MANAGER_NAME, namespace=settings.namespace)
    except ValueError as error:
        raise Unavailable("no pool manager runs in this cluster") from error


def stop_engine(settings: Settings, grace_s: float = 3.0) -> None:
    """Drain the workers: what they can't finish in `grace_s` seconds goes back to the queue."""
    import ray
    from ray.exceptions import RayError

    try:
        ray.get(get_pool_manager(settings).shutdown.remote(grace_s), timeout=grace_s + 10)
    except (RayError, Unavailable):
        return
