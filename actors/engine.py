"""Worker pools: how many MediaWorkers of which kind there are. `start_engine` starts it all."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from reelyard.cluster.errors import Unavailable
from reelyard.cluster.runtime.startup_patience import Patience, plain_failure
from reelyard.cluster.settings import Settings

POOL_MANAGER_NAME = "pool_manager"
START_S = 300.0
"""Time in which nothing moves until a start is given up."""
LOOK_S = 5.0
CALL_S = 60.0
STOP_S = 10.0

__all__ = [
    "POOL_MANAGER_NAME",
    "get_pool_manager",
    "launch_engine",
    "remove_engine",
    "start_engine",
    "stop_engine",
    "wait_for_engine",
]


def start_engine(settings: Settings) -> None:
    """Start registry, pool manager and workers in the connected Ray cluster; wait for workers.

    Where they run already, nothing changes. Raises `StartFailed` if a pool gets no worker.
    """
    wait_for_engine(launch_engine(settings))


def launch_engine(settings: Settings) -> Any:
    """`start_engine` without the wait: the pool manager's handle, for `wait_for_engine`.

    Raises `StartFailed`."""
    with plain_failure("the job engine"):
        return _launch(settings)


def _launch(settings: Settings) -> Any:
    import ray

    from reelyard.actors.registry import start_registry

    settings = settings.portable()
    start_registry(settings)
    from reelyard.actors.pool.manager import PoolManager

    return (
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


def wait_for_engine(manager: Any) -> None:
    """Wait until every pool has a worker, as long as something moves. Raises `StartFailed`."""
    with plain_failure("the job engine"):
        _wait_for_workers(manager)


def _wait_for_workers(manager: Any) -> None:
    import ray
    from ray.exceptions import GetTimeoutError

    patience = Patience("a worker (is the cluster too small for its pools?)", START_S)
    while True:
        state: Any = ()
        with suppress(GetTimeoutError):
            if ray.get(manager.ready.remote(LOOK_S), timeout=CALL_S):
                return
            found = ray.get(manager.workers.remote(), timeout=CALL_S)
            state = tuple(sorted((worker.slot, worker.alive) for worker in found))
        patience.note(state)


def get_pool_manager(settings: Settings) -> Any:
    """The pool manager's handle. Raises `Unavailable`."""
    import ray

    try:
        return ray.get_actor(POOL_MANAGER_NAME, namespace=settings.namespace)
    except ValueError as error:
        raise Unavailable("no pool manager runs in this cluster") from error


def stop_engine(settings: Settings, grace_s: float = 3.0) -> bool:
    """Drain the workers, then end pool manager and registry; False: neither was there.

    What the workers can't finish in `grace_s` seconds goes back to the queue. The jobs stay in the
    store, which is whole then: what was in a file beside it has been written into it.
    """
    import ray
    from ray.exceptions import RayError

    from reelyard.actors.registry import get_registry

    ended = False
    with suppress(Unavailable):
        manager = get_pool_manager(settings)
        ended = True
        with suppress(RayError):
            ray.get(manager.shutdown.remote(grace_s), timeout=grace_s + 10)
        # It would wake the registry up again.
        ray.kill(manager)
    with suppress(ValueError):
        registry = get_registry(settings)
        ended = True
        with suppress(RayError):
            ray.get(registry.stop.remote(), timeout=STOP_S)
        ray.kill(registry)
    return ended


def remove_engine(settings: Settings) -> None:
    """`stop_engine`; raises `Unavailable` if none runs in the connected cluster."""
    if not stop_engine(settings):
        raise Unavailable("no Reelyard runs on this Ray cluster")
