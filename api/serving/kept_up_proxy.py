"""HAProxy kept up: when it dies, it is started again at once.

Serve 2.60 itself notices at the third failed check of its health, after 25 to 36 s in which nobody
listens, and then replaces the actor that owns HAProxy as well.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import ray
from ray.serve._private import haproxy

LOOK_S = 0.05
PAUSE_S = 1.0
"""Between two starts that fail."""

# What `ray.remote` was given: an actor class can't be inherited from.
_HAProxyManager: Any = haproxy.HAProxyManager.__ray_metadata__.modified_class.__ray_actor_class__
_log = logging.getLogger("ray.serve")


class HAProxyManager(_HAProxyManager):  # type: ignore[misc]
    """Serve's own actor, with an eye on the process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ends = False
        self._keeper = self.event_loop.create_task(self._keep_up())

    async def shutdown(self) -> None:
        """End HAProxy for good."""
        self._ends = True
        await super().shutdown()

    async def _keep_up(self) -> None:
        await self._haproxy_start_task
        while not self._ends:
            # No `wait` on the process: a reload puts another in its place.
            await asyncio.sleep(LOOK_S)
            if self._is_dead() and not await self._start_again():
                await asyncio.sleep(PAUSE_S)

    def _is_dead(self) -> bool:
        process = self._haproxy._proc  # noqa: SLF001
        return not self._ends and process is not None and process.returncode is not None

    async def _start_again(self) -> bool:
        async with self._reload_lock:
            if not self._is_dead():
                return True
            _log.warning("HAProxy died; it is started again.")
            try:
                await self._haproxy.start()
            except Exception:  # noqa: BLE001  whatever it is, the next try may work
                _log.exception("HAProxy could not be started again.")
                return False
        return True


def for_serve() -> None:
    """What Serve calls in its controller's process, before there is a proxy."""
    from ray.serve._private import controller

    controller.HAProxyManager = ray.remote(num_cpus=0)(HAProxyManager)
