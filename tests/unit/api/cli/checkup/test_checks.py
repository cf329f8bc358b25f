"""The verdicts of `reelyard doctor`."""

from __future__ import annotations

import pytest

from reelyard.api.cli.checkup import checks
from reelyard.api.cli.checkup.checks import Check, Verdict
from reelyard.cluster.settings import Settings

KEPT = {
    "version": "8.0.1",
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "clock_ahead_s": 0.0,
}


def verdicts(found: list[Check]) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in found}


def test_a_server_that_keeps_all_is_well() -> None:
    assert set(verdicts(checks.durability(KEPT)).values()) == {Verdict.OK}


@pytest.mark.parametrize(
    ("change", "name", "verdict"),
    [
        ({"appendfsync": "everysec"}, "redis_durability", Verdict.WARN),
        ({"appendonly": "no"}, "redis_durability", Verdict.WARN),
        ({"appendonly": "", "appendfsync": ""}, "redis_durability", Verdict.WARN),
        (
            {"maxmemory": 1 << 30, "maxmemory_policy": "allkeys-lru"},
            "redis_memory",
            Verdict.FAIL,
        ),
        ({"maxmemory_policy": "allkeys-lru"}, "redis_memory", Verdict.OK),
        ({"version": "6.2.14"}, "redis_version", Verdict.FAIL),
        ({"clock_ahead_s": -5.0}, "clock", Verdict.WARN),
        ({"clock_ahead_s": 3600.0}, "clock", Verdict.FAIL),
    ],
)
def test_a_server_that_may_lose_something_is_told_with_what_to_do(
    change: dict[str, object], name: str, verdict: Verdict
) -> None:
    (check,) = [check for check in checks.durability(KEPT | change) if check.name == name]
    assert check.verdict == verdict
    assert bool(check.advice) == (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("free", "verdict"), [(99, "fail"), (150, "warn"), (200, "ok"), (None, "warn")]
)
def test_a_disk_fails_below_its_reserve_and_warns_below_twice_that(
    free: int | None, verdict: str
) -> None:
    check = checks.room("disk", "/data", free, 100, "disk_reserve_bytes")
    assert check.verdict == verdict
    assert bool(check.advice) == (verdict != "ok")


def test_the_worst_verdict_counts() -> None:
    well, odd, bad = checks.ok("a", ""), checks.warn("b", "", ""), checks.fail("c", "", "")
    assert checks.worst([well, bad, odd]) is Verdict.FAIL
    assert checks.worst([well, odd]) is Verdict.WARN
    assert checks.worst([well]) is Verdict.OK


def test_few_open_files_and_little_shared_memory_are_warnings() -> None:
    assert checks.open_files(1024, 65536).advice.startswith("ulimit -n 65536")
    assert checks.open_files(65536, 65536).verdict is Verdict.OK
    assert checks.shared_memory(10, 20).verdict is Verdict.WARN
    assert checks.shared_memory(20, 20).verdict is Verdict.OK


def test_files_from_the_future_tell_of_a_clock_that_went_back() -> None:
    assert checks.file_clock(10_000.0, 1_000.0).verdict is Verdict.WARN
    assert checks.file_clock(1_000.0, 1_000.0).verdict is Verdict.OK
    assert checks.file_clock(None, 1_000.0).verdict is Verdict.OK


def test_pools_that_can_never_have_their_workers_fail() -> None:
    pools = {"cpu": {"min_workers": 2, "max_workers": 1}}
    assert checks.pools(Settings.model_validate({"pools": pools})).verdict is Verdict.FAIL
    pools = {"cpu": {"min_workers": 2, "max_workers": 2, "cpus_per_worker": 4}}
    wide = checks.pools(Settings.model_validate({"pools": pools, "cpus": 4}))
    assert "needs 8 CPUs" in wide.found
    assert checks.pools(Settings()).verdict is Verdict.OK


def test_what_dead_runs_have_left_is_told_unless_a_run_lives() -> None:
    assert checks.leftovers([7], ["/data/run"], running=False).found == "processes 7; /data/run"
    assert checks.leftovers([], ["/data/run"], running=True).verdict is Verdict.OK


def test_the_clusters_own_judgement_is_passed_on_with_what_to_do() -> None:
    parts = {
        "store": {"ok": True, "reason": None},
        "scratch": {"ok": True, "reason": "1 of 2 workers take nothing"},
        "workers": {"ok": False, "reason": "no worker is there"},
    }
    found = checks.of_health({"status": "degraded", "parts": parts})
    assert verdicts(found) == {
        "cluster_store": Verdict.OK,
        "cluster_scratch": Verdict.WARN,
        "cluster_workers": Verdict.FAIL,
    }
