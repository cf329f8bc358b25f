from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.fault_run.schedule import (
    GOOD,
    JOBS_A_ROUND,
    TENANTS,
    Fault,
    Kind,
    Sending,
    plan,
)


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    assert plan(100, 7) == plan(100, 7)
    assert plan(100, 7) != plan(100, 8)


@pytest.mark.parametrize("jobs", [1, 7, 24, 100, 1000])
def test_every_job_is_sent_in_one_round(jobs: int) -> None:
    rounds = plan(jobs, 3)
    assert [job.number for one in rounds for job in one.jobs] == list(range(jobs))
    assert len(rounds) == max(1, jobs // JOBS_A_ROUND)
    assert all(1 <= one.after <= len(one.jobs) for one in rounds)


def test_no_jobs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        plan(0, 1)


@pytest.mark.parametrize("ours", [True, False])
def test_each_fault_comes_once_before_any_comes_again(ours: bool) -> None:
    known = set(Fault) if ours else set(Fault) - {Fault.STORE}
    faults = [one.fault for one in plan(1_000, 5, store_is_ours=ours)]
    for start in range(0, len(faults) - len(known), len(known)):
        assert set(faults[start : start + len(known)]) == known


def test_the_mix_has_every_kind_every_way_of_sending_and_every_tenant() -> None:
    jobs = [job for one in plan(1_000, 1) for job in one.jobs]
    kinds = Counter(job.kind for job in jobs)
    assert set(kinds) == set(Kind)
    assert sum(kinds[kind] for kind in GOOD) > 700
    assert {job.sending for job in jobs} == set(Sending)
    assert {job.tenant for job in jobs} == set(TENANTS)
    assert 60 < sum(job.cancel_after_s is not None for job in jobs) < 140
