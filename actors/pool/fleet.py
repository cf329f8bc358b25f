"""The Ray side of the pools: worker actors started, found, watched and stopped."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import ray
import structlog
from ray.exceptions import ActorUnavailableError, RayError

from reelyard.actors.pool.sizing import WorkerView
from reelyard.actors.pool.status import PoolWorker
from reelyard.actors.registry import REGISTRY_NAME
from reelyard.actors.worker.status import WorkerStatus
from reelyard.cluster.settings import PoolSettings, Settings

log = structlog.get_logger()

PREFIX = "media-"
CALL_S = 5.0
STARTING_CALL_S = 1.0
"""Longest wait for a word of a worker that has not spoken yet: it may wait for resources."""
UNREACHABLE_PAUSE_S = 0.5
DRAIN_MARGIN_S = 5.0
"""Before a node's last second, unfinished tasks are given back."""
UNRESPONSIVE_S = 30.0
"""A worker that answers nothing for so long is ended and replaced."""


@dataclass
class Member:
    """A worker actor. `incarnation` None: another manager started it, and it was not asked yet."""

    slot: str
    pool: str
    handle: Any
    incarnation: str | None
    born: float = field(default_factory=time.monotonic)
    alive: bool = False
    draining: bool = False
    seen: float = field(default_factory=time.monotonic)
    """When it last answered."""
    status: WorkerStatus | None = None
    """What it told last; None: nothing yet."""
    asked: asyncio.Task[WorkerStatus] | None = None
    """The question how it does. There is one at a time: they would pile up at a worker that waits
    for resources."""
    watcher: asyncio.Task[None] | None = None

    @property
    def view(self) -> WorkerView:
        """For sizing."""
        return WorkerView(
            slot=self.slot,
            alive=self.alive,
            held=self.status.held if self.status else 0,
            idle_s=self.status.idle_s if self.status else 0.0,
            draining=self.draining,
            age_s=time.monotonic() - self.born,
        )

    @property
    def record(self) -> PoolWorker:
        """For whoever asks."""
        loop = self.status.loop if self.status else None
        return PoolWorker(
            slot=self.slot,
            pool=self.pool,
            alive=self.alive,
            draining=self.draining or (loop is not None and loop.draining),
            status=self.status,
        )


class Fleet:
    """All worker actors of the cluster. `on_end(member, lost)` is called when one has ended."""

    def __init__(self, settings: Settings, on_end: Callable[[Member, bool], None]) -> None:
        self._settings = settings
        self._on_end = on_end
        self.members: dict[str, Member] = {}

    def of(self, pool: str) -> list[Member]:
        """The members of a pool."""
        return [member for member in self.members.values() if member.pool == pool]

    async def adopt(self) -> None:
        """Take on the workers that an earlier pool manager has left."""
        namespace = self._settings.namespace
        listed = await asyncio.to_thread(ray.util.list_named_actors, True)
        for entry in listed:
            slot = entry["name"]
            pool = slot.removeprefix(PREFIX).rpartition("-")[0]
            if entry["namespace"] != namespace or not slot.startswith(PREFIX):
                continue
            if slot in self.members:
                continue
            with suppress(ValueError):
                handle = await asyncio.to_thread(ray.get_actor, slot, namespace)
                member = Member(slot, pool, handle, None)
                self._admit(member)
                log.info("worker_adopted", slot=slot)

    def start(self, pool_name: str, slot: str) -> None:
        """Start a worker; it may wait for resources. Raises ValueError if the name is not free."""
        # Not needed by the process that only names the pool manager's class.
        from reelyard.actors.worker.actor import MediaWorker, WorkerSetup

        pool = self._settings.all_pools[pool_name]
        incarnation = secrets.token_hex(8)
        setup = WorkerSetup(slot, incarnation, pool_name, self._settings, REGISTRY_NAME)
        actor = ray.remote(MediaWorker).options(**self._options(slot, pool))
        self._admit(Member(slot, pool_name, actor.remote(setup), incarnation))
        log.info("worker_starting", slot=slot, incarnation=incarnation)

    def _options(self, slot: str, pool: PoolSettings) -> dict[str, Any]:
        options: dict[str, Any] = {
            "name": slot,
            "namespace": self._settings.namespace,
            "lifetime": "detached",
            # A dead worker is replaced by the pool manager, which tells the registry at once.
            "max_restarts": 0,
            "max_concurrency": 100,
            "num_cpus": pool.cpus_per_worker,
            "enable_task_events": False,
        }
        if pool.gpus_per_worker:
            options["num_gpus"] = pool.gpus_per_worker
        if pool.memory_bytes:
            options["memory"] = pool.memory_bytes
        if pool.labels:
            options["label_selector"] = pool.labels
        return options

    def _admit(self, member: Member) -> None:
        self.members[member.slot] = member
        member.watcher = asyncio.create_task(self._watch(member))

    async def _watch(self, member: Member) -> None:
        lost = await self._outlive(member)
        # Drained, its process would idle on; unreachable, it must not work on.
        ray.kill(member.handle)
        if self.members.get(member.slot) is member:
            del self.members[member.slot]
        self._on_end(member, lost)

    async def _outlive(self, member: Member) -> bool:
        """Wait until the worker has ended; whether it died, rather than handed in everything."""
        while True:
            try:
                await member.handle.run.remote()
            except ActorUnavailableError as error:
                # Perhaps only a connection broke. A dead node is known as such within seconds.
                log.warning("worker_unreachable", slot=member.slot, reason=_first_line(error))
                if time.monotonic() - member.seen > UNRESPONSIVE_S:
                    return True
                await asyncio.sleep(UNREACHABLE_PAUSE_S)
            except RayError as error:
                log.warning("worker_lost", slot=member.slot, reason=_first_line(error))
                return True
            else:
                return False

    async def look(self) -> None:
        """Ask every worker how it does. One that does not answer keeps its last status."""
        await asyncio.gather(*(self._ask(member) for member in list(self.members.values())))

    async def _ask(self, member: Member) -> None:
        if member.asked is None:
            member.asked = asyncio.create_task(_status_of(member))
        await asyncio.wait([member.asked], timeout=CALL_S if member.alive else STARTING_CALL_S)
        status = None
        if member.asked.done():
            asked, member.asked = member.asked, None
            with suppress(RayError):
                status = asked.result()
        if status is None:
            if member.alive and time.monotonic() - member.seen > UNRESPONSIVE_S:
                log.warning("worker_unresponsive", slot=member.slot, seconds=UNRESPONSIVE_S)
                ray.kill(member.handle)
            return
        member.seen = time.monotonic()
        member.status = status
        member.alive = status.loop is not None
        member.incarnation = status.incarnation

    def end_all(self) -> None:
        """End every worker at once."""
        for member in list(self.members.values()):
            log.warning("worker_ended", slot=member.slot)
            ray.kill(member.handle)

    async def leave_draining_nodes(self) -> None:
        """Drain the workers on nodes that Ray is about to take away."""
        now_ms = time.time() * 1000
        for node_id, deadline_ms in (await asyncio.to_thread(draining_nodes)).items():
            left_s = (deadline_ms - now_ms) / 1000 - DRAIN_MARGIN_S if deadline_ms else None
            for member in list(self.members.values()):
                there = member.status is not None and member.status.node_id == node_id
                if there and not member.draining:
                    log.info("node_drains", slot=member.slot, node_id=node_id, left_s=left_s)
                    await self.drain(member.slot, None if left_s is None else max(0.0, left_s))

    async def drain(self, slot: str, grace_s: float | None = None) -> None:
        """Let a worker finish, or give up one that has not started."""
        member = self.members.get(slot)
        if member is None:
            return
        member.draining = True
        if not member.alive:
            ray.kill(member.handle)
            return
        with suppress(RayError, TimeoutError):
            await asyncio.wait_for(member.handle.drain.remote(grace_s), CALL_S)


async def _status_of(member: Member) -> WorkerStatus:
    status: WorkerStatus = await member.handle.status.remote()
    return status


def draining_nodes() -> dict[str, int]:
    """Nodes that Ray drains: id to deadline in Unix milliseconds; 0: none was set.

    Ray has no public way to ask; a test holds it to this one.
    """
    client = ray._private.worker.global_worker.gcs_client  # noqa: SLF001  see above
    found: dict[str, int] = client.get_draining_nodes(timeout=CALL_S)
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
