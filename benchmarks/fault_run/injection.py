"""Faults, done to the processes of one cluster: found by title, hit by pid."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from benchmarks.fault_run.cluster import LEASE_S, Cluster, StoreServer
from benchmarks.fault_run.schedule import Fault

TITLES = {
    Fault.WORKER: "ray::MediaWorker",
    Fault.CODEC: "reelyard.actors.worker.codec_process.main",
    Fault.REGISTRY: "ray::JobRegistry",
    Fault.REPLICA: "ray::ServeReplica:api:",
    Fault.HAPROXY: "haproxy",
    Fault.PROXY_MANAGER: "ray::HAProxyManager",
    Fault.CONTROLLER: "ray::ServeController",
    Fault.POOL_MANAGER: "ray::PoolManager",
    Fault.ZOMBIE: "ray::MediaWorker",
    Fault.REGISTRY_STOPPED: "ray::JobRegistry",
    Fault.GCS: "gcs_server",
    Fault.RAYLET: "raylet",
}
STOPPED_S = {Fault.ZOMBIE: LEASE_S + 4.0, Fault.REGISTRY_STOPPED: 5.0}
"""Faults that stop a process instead of killing it, and for how long."""
STORE_DOWN_S = 2.0
FATAL = frozenset({Fault.GCS, Fault.RAYLET})
"""After these `up` ends by itself, and whoever watches over it starts it again."""
BUSY = frozenset({Fault.WORKER, Fault.CODEC, Fault.ZOMBIE})
"""What is hit is the busiest of its kind."""
LOOK_S = 0.25
REPLACED_S = 60.0
"""Longest wait for another process in the place of a killed one."""


@dataclass(frozen=True)
class Injected:
    """A fault that was done, times as the clock of the run tells them."""

    at_s: float
    at_ms: int
    noticed_s: float | None = None
    trouble: str = ""


class Injector:
    """Does faults to a cluster, and starts again what does not start by itself."""

    def __init__(
        self,
        cluster: Cluster,
        store: StoreServer | None,
        rng: random.Random,
        clock_s: Callable[[], float],
        struck: Callable[[], None],
    ) -> None:
        """`struck` is called once a fault has been done, before anything is waited for."""
        self._cluster, self._store = cluster, store
        self._rng, self._clock_s, self._struck = rng, clock_s, struck

    def inject(self, fault: Fault) -> Injected:
        """Do it; returns once the cluster has what it needs to recover."""
        match fault:
            case Fault.EVERYTHING:
                at_s, at_ms = self._now()
                self._cluster.kill()
                self._struck()
                self._cluster.start()
                return Injected(at_s, at_ms)
            case Fault.STORE:
                assert self._store is not None
                at_s, at_ms = self._now()
                self._store.kill()
                self._struck()
                time.sleep(STORE_DOWN_S)
                self._store.start()
                return Injected(at_s, at_ms)
            case _ if fault in STOPPED_S:
                return self._stop(self._target(fault), STOPPED_S[fault])
            case _ if fault in FATAL:
                return self._kill_for_good(self._target(fault))
            case _:
                return self._kill(self._target(fault), TITLES[fault])

    def _now(self) -> tuple[float, int]:
        return self._clock_s(), round(time.time() * 1000)

    def _target(self, fault: Fault) -> psutil.Process:
        end = time.monotonic() + REPLACED_S
        while not (found := self._cluster.titled(TITLES[fault])):
            if time.monotonic() > end:
                raise RuntimeError(f"there is no {TITLES[fault]}")
            time.sleep(LOOK_S)
        if fault is Fault.HAPROXY:
            return found[-1]  # those before it only drain
        return _busiest(found) if fault in BUSY else self._rng.choice(found)

    def _kill(self, process: psutil.Process, title: str) -> Injected:
        before = {_identity(p) for p in self._cluster.titled(title)} | {None}
        at_s, at_ms = self._now()
        process.kill()
        self._struck()
        while (took := self._clock_s() - at_s) < REPLACED_S:
            if any(_identity(p) not in before for p in self._cluster.titled(title)):
                return Injected(at_s, at_ms, took)
            time.sleep(LOOK_S)
        return Injected(at_s, at_ms, trouble=f"nothing took the place of {title}")

    def _kill_for_good(self, process: psutil.Process) -> Injected:
        self._cluster.family()
        at_s, at_ms = self._now()
        process.kill()
        self._struck()
        trouble = self._cluster.wait_for_end()
        ended_s = self._clock_s() - at_s
        self._cluster.start()
        return Injected(at_s, at_ms, ended_s, trouble)

    def _stop(self, process: psutil.Process, for_s: float) -> Injected:
        at_s, at_ms = self._now()
        process.send_signal(signal.SIGSTOP)
        self._struck()
        try:
            time.sleep(for_s)
        finally:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
        return Injected(at_s, at_ms)


def _identity(process: psutil.Process) -> tuple[int, float] | None:
    try:
        return process.pid, process.create_time()
    except psutil.NoSuchProcess:
        return None


def _busiest(found: list[psutil.Process]) -> psutil.Process:
    """The one that uses most CPU, with what it has started."""

    def used(process: psutil.Process) -> float:
        total = 0.0
        with suppress(psutil.NoSuchProcess):
            for one in (process, *process.children(recursive=True)):
                times = one.cpu_times()
                total += times.user + times.system
        return total

    before = [used(process) for process in found]
    time.sleep(LOOK_S)
    grown = [used(process) - was for process, was in zip(found, before, strict=True)]
    return found[grown.index(max(grown))]
