"""The judgement of whether jobs can be taken on and run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reelyard.actors.jobs.messages import Health
from reelyard.actors.registry.health import Bounds, Place, Seen, judge, refusal
from reelyard.cluster.errors import RateLimited, StorageFull, Unavailable

MIB = 1 << 20
BOUNDS = Bounds(reserve_bytes=100 * MIB, max_open_jobs=10)
WELL = Seen(Place(free_bytes=500 * MIB), Place(), workers=2, wanted=True)


def well_but(name: str, place: Place) -> Seen:
    return replace(WELL, store=place) if name == "store" else replace(WELL, storage=place)


def bad(health: Health) -> dict[str, str]:
    return {part.name: part.reason for part in health.parts if not part.ok}


def test_all_is_well_where_nothing_is_wrong() -> None:
    health = judge(WELL, BOUNDS)
    assert (health.status, bad(health), refusal(health)) == ("ok", {}, None)


@pytest.mark.parametrize("name", ["store", "storage"])
def test_a_full_disk_refuses_jobs_until_there_is_a_tenth_more_room_than_needed(name: str) -> None:
    def at(free: int, before: Health | None) -> Health:
        return judge(well_but(name, Place(free_bytes=free * MIB)), BOUNDS, before)

    full = at(99, None)
    assert (full.status, list(bad(full))) == ("unavailable", [name])
    refused = refusal(full)
    assert isinstance(refused, StorageFull)
    assert refused.retry_after_s
    assert at(105, full).status == "unavailable"
    assert at(105, None).status == "ok"
    assert at(111, full).status == "ok"


@pytest.mark.parametrize("name", ["store", "storage"])
def test_a_place_that_is_away_refuses_jobs_and_says_why(name: str) -> None:
    health = judge(well_but(name, Place(error="gone")), BOUNDS)
    assert (health.status, bad(health)) == ("unavailable", {name: "gone"})
    refused = refusal(health)
    assert type(refused) is Unavailable
    assert refused.retry_after_s
    assert refused.message == f"{name}: gone"


def test_a_full_queue_refuses_jobs() -> None:
    health = judge(replace(WELL, open_jobs=10), BOUNDS)
    assert (health.status, list(bad(health))) == ("unavailable", ["queue"])
    assert isinstance(refusal(health), RateLimited)
    assert judge(replace(WELL, open_jobs=9), BOUNDS).status == "ok"


def test_jobs_are_taken_on_and_wait_while_no_worker_has_room_or_is_there() -> None:
    health = judge(replace(WELL, full_workers=2), BOUNDS)
    assert (health.status, list(bad(health)), refusal(health)) == ("degraded", ["scratch"], None)
    health = judge(replace(WELL, workers=0), BOUNDS)
    assert (health.status, list(bad(health)), refusal(health)) == ("degraded", ["workers"], None)


def test_one_full_worker_of_two_is_told_and_no_fault() -> None:
    health = judge(replace(WELL, full_workers=1), BOUNDS)
    (scratch,) = [part for part in health.parts if part.name == "scratch"]
    assert (health.status, scratch.reason[:6]) == ("ok", "1 of 2")


def test_no_worker_is_missed_where_nobody_needs_one() -> None:
    assert judge(replace(WELL, workers=0, wanted=False), BOUNDS).status == "ok"
