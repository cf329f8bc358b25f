"""The job registry: one named actor that every process of a cluster can find.

What others need to know of its store without calling it, they ask here too.
"""

from __future__ import annotations

from typing import Any

from reelyard.actors.registry import pickling as _pickling  # noqa: F401 - how records travel
from reelyard.cluster.settings import Settings

__all__ = [
    "REGISTRY_NAME",
    "get_registry",
    "start_registry",
    "store_facts",
    "stored_keys_are_needed",
]

REGISTRY_NAME = "job_registry"
MAX_CONCURRENCY = 1000
"""Calls at a time; long polls of workers and clients are most of them."""


def get_registry(settings: Settings) -> Any:
    """The handle of the running registry. Raises ValueError if there is none."""
    import ray

    return ray.get_actor(REGISTRY_NAME, namespace=settings.namespace)


def start_registry(settings: Settings) -> Any:
    """The registry's handle; starts it where it does not run yet.

    Detached, restarted for ever by Ray, and able to rebuild itself from the store. Its mutating
    calls may be repeated by Ray after a crash: each of them is idempotent or fenced.
    """
    import ray

    from reelyard.actors.registry.actor import JobRegistry

    actor = ray.remote(JobRegistry).options(
        name=REGISTRY_NAME,
        namespace=settings.namespace,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=0,
        # The node that lives longest: when it goes, the cluster goes.
        resources={"node:__internal_head__": 0.001},
        max_concurrency=MAX_CONCURRENCY,
        max_restarts=-1,
        max_task_retries=5,
        enable_task_events=False,
    )
    return actor.remote(settings)


async def stored_keys_are_needed(settings: Settings) -> bool:
    """`keys_are_needed`, asked of the store itself, where no registry runs yet."""
    from reelyard.actors.registry.accounts.api_keys import keys_are_needed
    from reelyard.actors.registry.store.opening import open_store

    store = open_store(settings.store)
    await store.open()
    try:
        return keys_are_needed(await store.api_keys())
    finally:
        await store.close()


async def store_facts(settings: Settings) -> dict[str, Any]:
    """What the store's server says of itself, as `ServerFacts`; empty for one that is a file.

    Raises `Unavailable` if the store can't be read, `BadRequest` for a wrong URL.
    """
    from reelyard.actors.registry.store.opening import open_store

    store = open_store(settings.store)
    try:
        await store.open_for_reading()
    finally:
        await store.close()
    if store.name != "redis":
        return {}
    import msgspec

    from reelyard.actors.registry.store.redis.server_facts import server_facts

    facts: dict[str, Any] = msgspec.to_builtins(await server_facts(settings.store))
    return facts
