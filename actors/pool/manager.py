"""PoolManager: the actor that keeps every pool at its size."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import ray
import structlog
from ray.exceptions import RayError

from reelyard.actors.jobs.messages import Overview
from reelyard.actors.pool.fleet import Fleet, Member
from reelyard.actors.pool.sizing import Load, bounds, plan_pool, restart_pause_s, slot_name
from reelyard.actors.pool.status import PoolWorker
from reelyard.actors.registry import get_registry
from reelyard.cluster.errors import ReelyardError
from reelyard.cluster.logs.structured import configure_logging
from reelyard.cluster.metrics import WORKERS_LOST
from reelyard.cluster.settings import Settings

log = structlog.get_logger()

TICK_S = 1.0
EAGER_S, START_S = 0.1, 60.0
"""Between two looks while the first workers start, and for how long at most."""
QUICK_DEATH_S = 10.0
CALL_S = 10.0
NODES_S = 2.0


class PoolManager:
    """Starts, replaces and stops MediaWorkers by what waits in the registry."""

    def __init__(self, settings: Settings) -> None:
        configure_logging(settings, "pool_manager")
        self._settings = settings
        for pool in settings.all_pools:
            WORKERS_LOST.begin(pool=pool)
        self._fleet = Fleet(settings, self._on_end)
        self._wake = asyncio.Event()
        self._looked = asyncio.Condition()
        self._quick_deaths: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._lost: list[str] = []
        self._told: dict[str, list[str]] | None = None
        self._told_epoch = ""
        self._gpus = 0.0
        self._nodes_at = float("-inf")
        self._registry: Any = None
        self._adopted = False
        self._stopping = False
        self._born = time.monotonic()
        # Ray makes an async actor inside its event loop; after a restart nobody else calls this.
        self._loop = asyncio.create_task(self._run())

    def __repr__(self) -> str:
        return f"PoolManager({', '.join(self._settings.all_pools)})"

    async def ready(self, timeout_s: float = 60.0) -> bool:
        """Wait until every pool that must have workers has a living one; False: not in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._looked:
                await self._looked.wait_for(self._is_ready)
            return True
        return False

    async def workers(self) -> list[PoolWorker]:
        """Every worker, those that still wait for resources too."""
        return [member.record for member in self._fleet.members.values()]

    async def shutdown(self, grace_s: float = 5.0) -> None:
        """Drain every worker, for at most `grace_s` seconds and a little, then end what is left of
        them; start no more."""
        self._stopping = True
        members = list(self._fleet.members.values())
        with suppress(RayError, TimeoutError, ValueError):
            await self._drain([member.slot for member in members], grace_s)
        watchers = [member.watcher for member in members if member.watcher is not None]
        if watchers:
            await asyncio.wait(watchers, timeout=grace_s + 3.0)
        self._fleet.end_all()

    # --- the loop ---

    async def _run(self) -> None:
        while True:
            try:
                await self._tick()
            except (RayError, ReelyardError, TimeoutError, ValueError) as error:
                self._registry = None
                log.warning("pool_tick_failed", reason=repr(error)[:200])
            except Exception:
                # Whatever it is: without this loop no worker would ever be replaced.
                self._registry = None
                log.exception("pool_tick_failed_unexpectedly")
            self._wake.clear()
            starting = time.monotonic() - self._born < START_S and not self._is_ready()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), EAGER_S if starting else TICK_S)

    def _start_the_least(self) -> None:
        """Without waiting for the registry: both take a second to start."""
        for name, pool in self._settings.all_pools.items():
            if pool.gpus_per_worker == 0 and not self._fleet.of(name):
                for number in range(1, pool.min_workers + 1):
                    self._start(name, slot_name(name, number))

    async def _tick(self) -> None:
        if not self._adopted:
            await self._fleet.adopt()
            self._start_the_least()
            self._adopted = True
        await self._fleet.look()
        await self._look_at_nodes()
        async with self._looked:
            self._looked.notify_all()
        if self._registry is None:
            self._registry = await asyncio.to_thread(get_registry, self._settings)
        await self._tell_losses()
        overview: Overview = await self._call(self._registry.overview.remote())
        if not self._stopping:
            await self._resize(overview)
        await self._tell_pools(overview.epoch)

    async def _call(self, ref: Any) -> Any:
        return await asyncio.wait_for(ref, CALL_S)

    async def _look_at_nodes(self) -> None:
        now = time.monotonic()
        if now - self._nodes_at >= NODES_S:
            resources = await asyncio.to_thread(ray.cluster_resources)
            self._gpus = float(resources.get("GPU", 0.0))
            await self._fleet.leave_draining_nodes()
            self._nodes_at = now

    async def _tell_losses(self) -> None:
        if not self._lost:
            return
        lost, self._lost = self._lost, []
        try:
            returned = await self._call(self._registry.lost.remote(lost))
        except BaseException:
            self._lost += lost
            raise
        log.info("losses_told", incarnations=len(lost), tasks=returned)

    async def _resize(self, overview: Overview) -> None:
        loads = {pool.name: Load(pool.queued, pool.backlog_s) for pool in overview.pools}
        now = time.monotonic()
        blocked = {slot for slot, until in self._not_before.items() if until > now}
        for name, pool in self._settings.all_pools.items():
            views = [member.view for member in self._fleet.of(name)]
            plan = plan_pool(name, pool, views, loads.get(name, Load()), self._gpus, blocked)
            for slot in plan.start:
                self._start(name, slot)
            if plan.stop:
                log.info("workers_surplus", slots=plan.stop)
                await self._drain(plan.stop, None)

    async def _drain(self, slots: list[str], grace_s: float | None) -> None:
        await asyncio.gather(*(self._fleet.drain(slot, grace_s) for slot in slots))
        if self._registry is not None:
            # It ends their waiting for work.
            await self._call(self._registry.drain.remote(slots))

    def _start(self, pool: str, slot: str) -> None:
        try:
            self._fleet.start(pool, slot)
        except ValueError as error:
            # Ray frees the name of a dead actor a moment later.
            log.warning("worker_not_started", slot=slot, reason=str(error)[:200])

    async def _tell_pools(self, epoch: str) -> None:
        """Which pools have workers: where one has none, the registry sends its jobs elsewhere."""
        staffed = {}
        for name, pool in self._settings.all_pools.items():
            served = pool.gpus_per_worker == 0 or self._gpus >= pool.gpus_per_worker
            members = self._fleet.of(name)
            staffed[name] = sorted(m.slot for m in members if not m.draining) if served else []
        if staffed != self._told or epoch != self._told_epoch:
            await self._call(self._registry.set_pools.remote(staffed))
            self._told, self._told_epoch = staffed, epoch

    # --- what happens ---

    def _on_end(self, member: Member, lost: bool) -> None:
        now = time.monotonic()
        if lost and not member.draining:
            WORKERS_LOST.add(pool=member.pool)
            quick = now - member.born < QUICK_DEATH_S
            deaths = self._quick_deaths.get(member.slot, 0) + 1 if quick else 0
            self._quick_deaths[member.slot] = deaths
            self._not_before[member.slot] = now + restart_pause_s(deaths)
        if member.incarnation is not None:
            self._lost.append(member.incarnation)
        self._wake.set()

    def _is_ready(self) -> bool:
        for name, pool in self._settings.all_pools.items():
            least, _ = bounds(pool, self._gpus)
            alive = [member for member in self._fleet.of(name) if member.alive]
            if least > 0 and not alive:
                return False
        return self._nodes_at > 0
