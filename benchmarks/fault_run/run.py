"""A whole run: a cluster started, jobs sent and faults done in rounds, everything collected."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.fault_run import dump, poison_operation
from benchmarks.fault_run.clients import PATIENCE_S, Crowd, Knockers, Wire
from benchmarks.fault_run.cluster import Cluster, StoreServer, store_server
from benchmarks.fault_run.facts import Account, ClientLog, Facts, FaultSeen
from benchmarks.fault_run.injection import Injected, Injector
from benchmarks.fault_run.schedule import TENANTS, Fault, Kind, PlannedJob, Round
from benchmarks.fault_run.sources import allowed_host, file_host, make_sources

CREDITS = 1_000_000
"""Of each tenant."""
FIRST_S = 20.0
"""Longest wait for the jobs that are to be accepted before the fault."""
SETTLE_S = 60.0
"""Longest wait, once all clients have gone, until the registry holds nothing more."""
CALM_S = 2.0
"""Between two faults, for the answers that still belong to the first."""


@dataclass
class Ground:
    """What a run stands on."""

    cluster: Cluster
    store: StoreServer | None
    store_url: str
    sources: str
    clock_s: Callable[[], float]
    start_s: float


@contextmanager
def ground(folder: Path, *, redis: bool) -> Iterator[Ground]:
    """A started cluster in `folder`, its sources, and with `redis` a store of its own; killed at
    the end if it is still there."""
    with ExitStack() as held:
        make_sources(folder / "sources")
        sources = held.enter_context(file_host(folder / "sources"))
        settings = {
            "fetch_allow_hosts": allowed_host(sources),
            "operations": str(Path(poison_operation.__file__)),
        }
        store = None
        if redis:
            store = held.enter_context(store_server(folder / "valkey"))
            settings["store_url"] = store.url
        cluster = Cluster(folder, settings)
        url = store.url if store else f"sqlite://{cluster.data_dir}/jobs.db"
        began = time.monotonic()
        try:
            took = cluster.start()
            yield Ground(cluster, store, url, sources, lambda: time.monotonic() - began, took)
        finally:
            if cluster.process.poll() is None:
                cluster.kill()


def carry_out(rounds: list[Round], seed: int, on: Ground, tell: Callable[[str], None]) -> Facts:
    """Send the jobs, do the faults, bring the cluster down; what was seen. `tell` gets a line a
    fault."""
    wire = Wire(on.cluster.url, on.clock_s)
    admin, keys = _make_keys(on.cluster.url)
    crowd = Crowd(wire, keys, on.sources, seed)
    canaries = Canaries(crowd, sum(len(one.jobs) for one in rounds))
    injector = Injector(on.cluster, on.store, random.Random(seed), on.clock_s, canaries.send)
    seen: list[FaultSeen] = []
    lives: list[Future[ClientLog]] = []
    with Knockers(wire, keys[TENANTS[0]]):
        for one in rounds:
            before = crowd.accepted
            lives += [crowd.send(job) for job in one.jobs]
            crowd.wait_for(before + one.after, FIRST_S)
            injected = injector.inject(one.fault)
            recovered = canaries.succeeded_at_s()
            time.sleep(CALM_S)
            seen.append(_seen(one.fault, injected, recovered, on.clock_s()))
            tell(_line(seen[-1]))
        for life in lives:
            life.result()
    crowd.close()
    running, told = _settled(on.cluster.url, admin, keys)
    trouble = on.cluster.stop()
    return _collect(on, crowd, wire, seen, running, told, trouble)


def _seen(
    fault: Fault, injected: Injected, recovered_at_s: float | None, over_s: float
) -> FaultSeen:
    return FaultSeen(
        fault,
        injected.at_s,
        injected.at_ms,
        over_s,
        injected.noticed_s,
        None if recovered_at_s is None else recovered_at_s - injected.at_s,
        injected.trouble,
    )


def _line(seen: FaultSeen) -> str:
    recovered = "never" if seen.recovered_s is None else f"after {seen.recovered_s:.1f} s"
    return f"{seen.at_s:6.1f} s: {seen.fault}; a job succeeded {recovered}; {seen.trouble}".rstrip(
        "; "
    )


class Canaries:
    """Small jobs that show whether everything works again; their numbers follow the others'."""

    def __init__(self, crowd: Crowd, first: int) -> None:
        self._crowd, self._number = crowd, first
        self._flying: Future[ClientLog] | None = None

    def send(self) -> None:
        """Send one."""
        tenant = TENANTS[self._number % len(TENANTS)]
        self._flying = self._crowd.send(PlannedJob(self._number, tenant, Kind.THUMBNAIL))
        self._number += 1

    def succeeded_at_s(self) -> float | None:
        """When the last one had succeeded, on the run's clock; waits for its end. None: it has
        not."""
        assert self._flying is not None
        log = self._flying.result()
        return log.ended_s if log.states[-1:] == ["succeeded"] else None


def _make_keys(url: str) -> tuple[str, dict[str, str]]:
    """An admin's key, and one of each tenant with its credits."""

    def make(body: Mapping[str, Any], key: str | None) -> str:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = httpx2.post(f"{url}/v1/admin/keys", json=body, headers=headers, timeout=PATIENCE_S)
        answer.raise_for_status()
        return str(answer.json()["key"])

    admin = make({"tenant": "operator", "scope": "admin"}, None)
    return admin, {name: make({"tenant": name, "credits": CREDITS}, admin) for name in TENANTS}


def _settled(url: str, admin: str, keys: Mapping[str, str]) -> tuple[int, dict[str, int | None]]:
    """Tasks that the registry still holds, once it holds none or time is over; each tenant's
    credits as it tells them."""

    def ask(path: str, key: str) -> Any:
        answer = httpx2.get(
            url + path, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_S
        )
        answer.raise_for_status()
        return answer.json()

    end = time.monotonic() + SETTLE_S
    while True:
        pools = ask("/v1/admin/overview", admin)["pools"]
        held = sum(int(pool["running"]) + int(pool["queued"]) for pool in pools)
        if not held or time.monotonic() > end:
            break
        time.sleep(0.5)
    return held, {name: ask("/v1/usage", key)["credits_left"] for name, key in keys.items()}


def _collect(
    on: Ground,
    crowd: Crowd,
    wire: Wire,
    seen: list[FaultSeen],
    running: int,
    told: Mapping[str, int | None],
    trouble: str,
) -> Facts:
    accounts: list[Account] = dump.accounts(on.store_url, told, TENANTS)
    facts = Facts(
        clients=crowd.logs,
        answers=wire.answers,
        jobs=dump.stored_jobs(on.store_url, TENANTS),
        objects=dump.stored_objects(on.cluster.data_dir / "objects"),
        ledger=dump.ledger(on.store_url, TENANTS),
        accounts=accounts,
        faults=seen,
        running=running,
        trouble=[trouble] if trouble else [],
    )
    # Only now, as it deletes what was looked at.
    return replace(facts, kept=dump.kept_for_ever(on.store_url, on.cluster.data_dir))
