"""MediaWorker: the Ray actor around a worker's loop."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from reelyard.actors.jobs.messages import WorkerInfo
from reelyard.actors.worker.capabilities import probe_capabilities
from reelyard.actors.worker.codec_process.group import CodecGroup
from reelyard.actors.worker.codec_process.options import CodecOptions, configure_message
from reelyard.actors.worker.codec_process.os_process import ChildSpec
from reelyard.actors.worker.loop import WorkerLoop
from reelyard.actors.worker.registry_client import CALL_S, RegistryLeaseClient
from reelyard.actors.worker.scratch import Scratch
from reelyard.actors.worker.status import WorkerStatus
from reelyard.actors.worker.task_run import WorkerTools
from reelyard.actors.worker.zero_counters import begin_counters
from reelyard.cluster.logs.structured import configure_logging
from reelyard.cluster.settings import PoolSettings, Settings
from reelyard.cluster.storage import open_storage

log = structlog.get_logger()

LOST_CONTACT_TTLS = 4
"""A worker that has not reached the registry for so many lease times gives up and exits."""


@dataclass(frozen=True)
class WorkerSetup:
    """Which worker an actor is."""

    slot: str
    """Its name, e.g. `media-cpu-1`; a replacement has the same."""
    incarnation: str
    """Fresh for each process."""
    pool: str
    settings: Settings
    registry_name: str

    @property
    def pool_settings(self) -> PoolSettings:
        """Those of its pool."""
        return self.settings.all_pools[self.pool]


class MediaWorker:
    """Pulls tasks of its pool and runs them in its codec process until it is drained."""

    def __init__(self, setup: WorkerSetup) -> None:
        # Ray reads the repr once, after this.
        self._setup = setup
        self._node = _node_name()
        pool = setup.pool_settings
        if pool.gpus_per_worker == 0:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        _end_at_sigterm()
        # What tasks leave behind is freed by its references; looks for cycles would take a tenth
        # of the time of short ones.
        gc.set_threshold(20_000, 20, 100)
        configure_logging(setup.settings, setup.slot)
        self._parent = os.getppid()
        self._working: asyncio.Task[None] | None = None
        self._loop: WorkerLoop | None = None
        self._codec: CodecGroup | None = None
        self._capabilities: list[str] = []
        self._scratch = Scratch(
            setup.settings.scratch,
            f"{setup.slot}-{setup.incarnation}",
            setup.settings.scratch_reserve_bytes,
        )

    def __repr__(self) -> str:
        return f"MediaWorker({self._setup.slot}, pool={self._setup.pool}, node={self._node})"

    async def run(self) -> str:
        """Work until drained. Any number of callers may wait here for the end."""
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        await asyncio.shield(self._working)
        return self._setup.incarnation

    async def status(self) -> WorkerStatus:
        """How it does."""
        return WorkerStatus(
            slot=self._setup.slot,
            incarnation=self._setup.incarnation,
            pool=self._setup.pool,
            node=self._node,
            node_id=_node_id(),
            pid=os.getpid(),
            codec_pid=self._codec.pid if self._codec else None,
            cuda_devices=os.environ.get("CUDA_VISIBLE_DEVICES"),
            capabilities=self._capabilities,
            loop=self._loop.status() if self._loop else None,
        )

    async def drain(self, grace_s: float | None = None) -> None:
        """Lease nothing more; give back what is not done after `grace_s` seconds."""
        if self._loop is not None:
            self._loop.drain(grace_s)

    def __ray_shutdown__(self) -> None:
        """Ray's goodbye: the codec process must not stay."""
        if self._codec is not None:
            self._codec.kill_now()
        self._scratch.close()

    # --- inside ---

    async def _work(self) -> None:
        setup, settings = self._setup, self._setup.settings
        pool = setup.pool_settings
        await asyncio.to_thread(self._scratch.clean_up_after_others)
        tmp = self._scratch.home / "tmp"
        tmp.mkdir()
        threads = pool.threads_per_worker
        spec = ChildSpec(configure_message(settings), tmp, threads, _cuda_devices(pool))
        options = CodecOptions.of(settings, threads)
        self._codec = CodecGroup(spec, options, setup.pool, threads)
        self._codec.warm()
        if pool.gpus_per_worker > 0:
            self._capabilities = await probe_capabilities()
        link = RegistryLeaseClient(self._find_registry, self._info())
        tools = WorkerTools(settings, open_storage(settings), self._codec)
        self._loop = WorkerLoop(settings, link, tools, self._scratch, setup.pool, threads)
        begin_counters(setup.pool)
        log.info("worker_started", slot=setup.slot, capabilities=self._capabilities)
        guard = asyncio.create_task(self._guard(link))
        try:
            await self._loop.work()
        finally:
            guard.cancel()
            with suppress(asyncio.CancelledError):
                await guard
            await self._codec.close()
            self._scratch.close()
            log.info("worker_stopped", slot=setup.slot)

    def _info(self) -> WorkerInfo:
        setup = self._setup
        return WorkerInfo(
            slot=setup.slot,
            incarnation=setup.incarnation,
            pool=setup.pool,
            node=self._node,
            takes=[setup.pool, *setup.pool_settings.steals_from],
        )

    def _find_registry(self) -> Any:
        import ray

        return ray.get_actor(self._setup.registry_name, namespace=self._setup.settings.namespace)

    async def _guard(self, link: RegistryLeaseClient) -> None:
        """End this process when nobody would miss it: a zombie must not work on."""
        settings = self._setup.settings
        patience = max(settings.lease_ttl_s * LOST_CONTACT_TTLS, settings.poll_s + 2 * CALL_S)
        while True:
            await asyncio.sleep(0.5)
            if os.getppid() != self._parent:
                log.error("raylet_gone", slot=self._setup.slot)
                os._exit(1)
            if time.monotonic() - link.last_contact > patience:
                log.error("registry_lost", slot=self._setup.slot, seconds=patience)
                os._exit(1)


def _end_at_sigterm() -> None:
    """Let SIGTERM end this process at once, whatever a Python handler would make of it.

    Works from any thread. A Ray actor told to terminate waits for its running calls, and a
    worker's call runs for ever; its codec process dies with it, its task is run elsewhere.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    libc.signal(signal.SIGTERM, 0)


def _node_name() -> str:
    import ray

    return str(ray.util.get_node_ip_address())


def _node_id() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def _cuda_devices(pool: PoolSettings) -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES") if pool.gpus_per_worker > 0 else ""
