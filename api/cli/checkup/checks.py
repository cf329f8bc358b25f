"""The verdicts of `reelyard doctor` over what was found: pure, each with what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reelyard.cluster.settings import Settings

MIB = 1 << 20
ENOUGH_FILES = 4096
"""Connections, sockets of Ray and files of a busy server."""
AHEAD_WARN_S, AHEAD_FAIL_S = 1.0, 30.0
OLDEST_REDIS = (7,)


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, what was found, and what to do where it is not well."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Check:
    """All is well with it."""
    return Check(name, Verdict.OK, found)


def warn(name: str, found: str, advice: str) -> Check:
    """It works, and may not for long."""
    return Check(name, Verdict.WARN, found, advice)


def fail(name: str, found: str, advice: str) -> Check:
    """It does not work so."""
    return Check(name, Verdict.FAIL, found, advice)


def worst(checks: Sequence[Check]) -> Verdict:
    """The verdict over all."""
    verdicts = {check.verdict for check in checks}
    return next((one for one in (Verdict.FAIL, Verdict.WARN) if one in verdicts), Verdict.OK)


def room(name: str, where: str, free: int | None, reserve: int, setting: str) -> Check:
    """The disk below `where`; `reserve` is what `setting` wants kept free."""
    if free is None:
        advice = "choose a folder on a disk, if this is none"
        return warn(name, f"{where}: its file system tells no size", advice)
    found = f"{where}: {size(free)} free"
    if free >= 2 * reserve:
        return ok(name, found)
    advice = f"make room, move it to a larger disk, or lower REELYARD_{setting.upper()}"
    wanted = f"{found}, {size(reserve)} are kept free"
    return fail(name, wanted, advice) if free < reserve else warn(name, wanted, advice)


def durability(facts: Mapping[str, Any]) -> list[Check]:
    """Whether a Redis keeps what it has taken, whatever happens to it."""
    checks = [_version(facts["version"])]
    appendonly, fsync = facts["appendonly"], facts["appendfsync"]
    told = f"appendonly {appendonly}, appendfsync {fsync}"
    if not appendonly:
        advice = "see in your provider's settings that each write is synced to disk"
        checks.append(warn("redis_durability", "the server does not tell", advice))
    elif (appendonly, fsync) == ("yes", "always"):
        checks.append(ok("redis_durability", told))
    else:
        advice = "CONFIG SET appendonly yes and appendfsync always: else a crash loses jobs"
        checks.append(warn("redis_durability", told, advice))
    policy = facts["maxmemory_policy"]
    if policy not in ("", "noeviction") and facts["maxmemory"]:
        advice = "CONFIG SET maxmemory-policy noeviction: else jobs vanish when memory is short"
        checks.append(fail("redis_memory", f"maxmemory-policy {policy}", advice))
    elif policy:
        limit = size(facts["maxmemory"]) if facts["maxmemory"] else "not limited"
        checks.append(ok("redis_memory", f"{limit}, maxmemory-policy {policy}"))
    checks.append(clock(facts["clock_ahead_s"]))
    return checks


def _version(version: str) -> Check:
    number = tuple(int(part) for part in version.split(".")[:1] if part.isdigit())
    if number and number < OLDEST_REDIS:
        return fail("redis_version", version, "use Redis 7 or Valkey 8, or newer")
    return ok("redis_version", version)


def clock(ahead_s: float) -> Check:
    """How far the store's clock is ahead of this machine's."""
    found = f"the store's clock is {abs(ahead_s):.1f} s {'ahead' if ahead_s > 0 else 'behind'}"
    advice = "set both by NTP (chrony, systemd-timesyncd): times of jobs and keys rest on them"
    if abs(ahead_s) >= AHEAD_FAIL_S:
        return fail("clock", found, advice)
    return warn("clock", found, advice) if abs(ahead_s) >= AHEAD_WARN_S else ok("clock", found)


def file_clock(newest_s: float | None, now_s: float) -> Check:
    """This machine's clock beside the time of the newest file of the data folder."""
    if newest_s is not None and newest_s > now_s + AHEAD_FAIL_S:
        found = f"files of the data folder are {newest_s - now_s:.0f} s in the future"
        return warn("clock", found, "the clock went back: set it by NTP before you start")
    return ok("clock", "not behind the files of the data folder")


def open_files(soft: int, hard: int) -> Check:
    """The limit of open files (`ulimit -n`)."""
    if soft < ENOUGH_FILES:
        advice = f"ulimit -n {min(hard, 65536) if hard > soft else 65536} before `reelyard up`"
        return warn("open_files", f"{soft} at a time", advice)
    return ok("open_files", f"{soft} at a time")


def shared_memory(free: int | None, wanted: int) -> Check:
    """The shared memory in which Ray keeps its object store."""
    if free is not None and free < wanted:
        advice = "enlarge /dev/shm (docker: --shm-size), or lower REELYARD_OBJECT_STORE_BYTES"
        return warn("shared_memory", f"{size(free)} free, {size(wanted)} wanted", advice)
    return ok("shared_memory", f"{size(free)} free" if free is not None else "no /dev/shm")


def pools(settings: Settings) -> Check:
    """The pools: whether each can have a worker, on this machine where it is embedded."""
    for name, pool in settings.all_pools.items():
        if pool.max_workers < pool.min_workers:
            found = f"{name}: min_workers {pool.min_workers} > max_workers {pool.max_workers}"
            return fail("pools", found, "raise max_workers in REELYARD_POOLS")
        needs = pool.cpus_per_worker * max(1, pool.min_workers)
        if settings.ray_address is None and pool.min_workers and needs > settings.cores:
            found = f"{name} needs {needs:g} CPUs, this cluster has {settings.cores}"
            return fail("pools", found, "lower min_workers or cpus_per_worker, or raise cpus")
    return ok("pools", ", ".join(settings.all_pools))


def packages(missing: Sequence[str]) -> Check:
    """The packages that Reelyard is made for; `missing`: those that differ."""
    if missing:
        return fail("versions", "; ".join(missing), "`make setup`, or install reelyard anew")
    return ok("versions", "as Reelyard needs them")


def leftovers(processes: Sequence[int], stale: Sequence[str], *, running: bool) -> Check:
    """What runs that died have left: processes, and files of theirs."""
    if running or not (processes or stale):
        return ok("leftovers", "none")
    pids = [f"processes {', '.join(map(str, processes))}"] if processes else []
    found = "; ".join([*pids, *stale])
    return warn("leftovers", found, "`reelyard up` ends and removes them")


def of_health(health: Mapping[str, Any]) -> list[Check]:
    """The running cluster's own judgement, by part."""
    advice = {
        "store": "see that it runs and has room",
        "storage": "see that it can be reached and has room",
        "scratch": "make room on the workers' disks; work goes on by itself",
        "workers": "`reelyard logs --actor pool_manager` says why there is none",
        "queue": "wait, add workers, or raise REELYARD_MAX_QUEUED_JOBS",
    }
    checks = []
    for name, part in health["parts"].items():
        told = part["reason"] or "well"
        if part["ok"] and not part["reason"]:
            checks.append(ok(f"cluster_{name}", told))
        elif part["ok"]:
            checks.append(warn(f"cluster_{name}", told, advice.get(name, "")))
        else:
            checks.append(fail(f"cluster_{name}", told, advice.get(name, "")))
    return checks


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return "?"
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / MIB:.0f} MiB"
