from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from reelyard.actors.jobs.messages import Accepted, KeySpec, PageQuery, Refusal, Submission
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry.accounts.api_keys import hash_key, new_key
from tests.unit.actors.registry.builders import BROKEN, done, failed, make_job, make_output
from tests.unit.actors.registry.conftest import RegistryHarness

MakeHarness = Callable[..., RegistryHarness]


def code(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.error.code


async def test_an_accepted_job_is_found_at_once_and_after_a_restart(
    harness: RegistryHarness,
) -> None:
    (job,) = await harness.accepted(make_job())
    assert (await harness.job(job.id)).state is State.QUEUED
    assert [j.id for j in await harness.registry.page(PageQuery("default"))] == [job.id]
    await harness.killed_and_restarted()
    assert await harness.job(job.id) == job


async def test_the_same_job_again_is_accepted_once(harness: RegistryHarness) -> None:
    job = make_job()
    twin = make_job(id=job.id)
    first, second = await asyncio.gather(harness.submit(job), harness.submit(twin))
    assert all(isinstance(answer, Accepted) for answer in first + second)
    (again,) = await harness.submit(make_job(id=job.id))
    assert isinstance(again, Accepted)
    assert again.replayed
    assert len(await harness.lease(want=5)) == 1
    assert (await harness.registry.overview()).jobs["queued"] == 0


async def test_an_id_of_another_tenant_is_refused(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    (answer,) = await harness.submit(make_job(id=job.id, tenant="other"))
    assert code(answer) == "conflict"


async def test_the_same_key_and_request_give_the_first_job(harness: RegistryHarness) -> None:
    first, second, third = make_job(), make_job(), make_job()
    key = {"idempotency_key": "k", "fingerprint": "x"}
    racing = await asyncio.gather(harness.submit(first, **key), harness.submit(second, **key))
    later = await harness.submit(third, **key)
    ids = {answer.job.id for (answer,) in [*racing, later] if isinstance(answer, Accepted)}
    assert len(ids) == 1
    assert ids < {first.id, second.id}
    (answer,) = later
    assert isinstance(answer, Accepted)
    assert answer.replayed
    assert (await harness.registry.overview()).jobs["queued"] == 1


async def test_the_same_key_for_another_request_is_refused(harness: RegistryHarness) -> None:
    await harness.submit(make_job(), idempotency_key="k", fingerprint="x")
    (answer,) = await harness.submit(make_job(), idempotency_key="k", fingerprint="y")
    assert code(answer) == "idempotency_mismatch"
    (elsewhere,) = await harness.submit(
        make_job(tenant="other"), idempotency_key="k", fingerprint="y"
    )
    assert isinstance(elsewhere, Accepted)


async def test_a_key_is_forgotten_after_its_time(harness: RegistryHarness) -> None:
    await harness.submit(make_job(), idempotency_key="k", fingerprint="x")
    harness.clock.advance(24 * 3600)
    (answer,) = await harness.submit(make_job(), idempotency_key="k", fingerprint="y")
    assert isinstance(answer, Accepted)


async def test_a_full_registry_refuses_more(make_harness: MakeHarness) -> None:
    harness = make_harness(max_queued_jobs=2)
    answers = await harness.submit(make_job(), make_job(), make_job())
    assert [isinstance(answer, Accepted) for answer in answers] == [True, True, False]
    assert code(answers[2]) == "rate_limited"
    (lease,) = await harness.lease()
    await harness.commit(done(lease))
    (answer,) = await harness.submit(make_job())
    assert isinstance(answer, Accepted)


async def test_a_tenant_without_grants_is_not_limited(harness: RegistryHarness) -> None:
    await harness.accepted(make_job(credits=1000))
    usage = await harness.registry.usage("default")
    assert (usage.credits_left, usage.credits_spent) == (None, 1000)


async def test_jobs_are_refused_once_the_credits_are_spent(harness: RegistryHarness) -> None:
    await harness.registry.grant("default", 10)
    answers = await asyncio.gather(*(harness.submit(make_job(credits=4)) for _ in range(4)))
    refused = [answer for (answer,) in answers if isinstance(answer, Refusal)]
    assert [code(answer) for answer in refused] == ["insufficient_credits"] * 2
    assert refused[0].error.details == {"needed": 4, "available": 2}
    usage = await harness.registry.usage("default")
    assert (usage.credits_left, usage.credits_spent) == (2, 8)


async def test_a_failed_job_is_refunded_once_and_a_cancelled_one_too(
    harness: RegistryHarness,
) -> None:
    await harness.registry.grant("default", 10)
    failing, other = await harness.accepted(make_job(credits=4), make_job(credits=5))
    (lease,) = await harness.lease()
    assert await harness.commit(failed(lease, BROKEN))
    assert await harness.commit(failed(lease, BROKEN))
    for _ in range(2):
        await harness.registry.cancel_many([other.id], None)
    assert (await harness.registry.usage("default")).credits_left == 10
    assert (await harness.job(failing.id)).refunded
    await harness.killed_and_restarted()
    assert (await harness.registry.usage("default")).credits_left == 10


async def test_a_failed_job_begun_anew_is_charged_anew(harness: RegistryHarness) -> None:
    await harness.registry.grant("default", 10)
    (job,) = await harness.accepted(make_job(credits=6))
    for fence in (1, 2):
        harness.clock.advance(1)
        (lease,) = await harness.lease()
        assert lease.fence == fence
        await harness.commit(failed(lease, BROKEN))
        harness.clock.advance(1)
        (answer,) = (await harness.registry.retry_many([job.id], "default")).values()
        assert isinstance(answer, Job)
        assert answer.state is State.QUEUED
        assert (await harness.registry.usage("default")).credits_left == 4
    (lease,) = await harness.lease()
    assert await harness.commit(done(lease, result={"ok": True}))
    usage = await harness.registry.usage("default")
    assert (usage.credits_left, usage.credits_spent) == (4, 6)


async def test_a_retry_that_cannot_be_paid_for_leaves_the_job_failed(
    harness: RegistryHarness,
) -> None:
    await harness.registry.grant("default", 6)
    (job,) = await harness.accepted(make_job(credits=6))
    (lease,) = await harness.lease()
    await harness.commit(failed(lease, BROKEN))
    await harness.accepted(make_job(credits=6))
    (answer,) = (await harness.registry.retry_many([job.id], None)).values()
    assert code(answer) == "insufficient_credits"
    assert (await harness.job(job.id)).state is State.FAILED


async def test_a_retry_first_deletes_what_the_failed_run_left(harness: RegistryHarness) -> None:
    first = make_job().tasks[0]
    second = make_job().tasks[0]
    first.name, second.name, second.needs = "probe", "b", ["probe"]
    (job,) = await harness.accepted(make_job(tasks=[first, second]))
    (lease,) = await harness.lease()
    output = make_output(job)
    await harness.commit(done(lease, outputs=[output]))
    (lease,) = await harness.lease()
    await harness.commit(failed(lease, BROKEN))
    await harness.registry.retry_many([job.id], None)
    assert harness.files.deleted == {job.id: [output.url.removeprefix("storage:")]}
    assert [task.outputs for task in (await harness.job(job.id)).tasks] == [[], []]


async def test_retry_says_why_not(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    answers = await harness.registry.retry_many([job.id, make_job().id], None)
    assert [code(answer) for answer in answers.values()] == ["not_ready", "not_found"]
    assert code((await harness.registry.retry_many([job.id], "other"))[job.id]) == "not_found"


async def test_new_tenants_get_the_default_credits_once(make_harness: MakeHarness) -> None:
    harness = make_harness(default_credits=5)
    (answer,) = await harness.submit(make_job(credits=6))
    assert code(answer) == "insufficient_credits"
    await harness.accepted(make_job(credits=5))
    await harness.killed_and_restarted()
    assert (await harness.registry.usage("default")).credits_left == 0


async def test_an_api_key_is_shown_once_and_kept_as_a_hash(harness: RegistryHarness) -> None:
    text = new_key()
    info = await harness.registry.create_key(KeySpec("t", "laptop", credits=7), text)
    assert len(text) == 43
    assert text.startswith("ry_")
    assert await harness.registry.api_keys() == {hash_key(text): info}
    assert (await harness.registry.usage("t")).credits_left == 7
    ended = await harness.registry.revoke_key(info.key_id)
    assert ended.revoked_ms is not None
    assert await harness.registry.revoke_key(info.key_id) == ended
    assert (await harness.registry.api_keys())[hash_key(text)] == ended


async def test_grants_and_keys_that_are_asked_for_again_count_once(
    harness: RegistryHarness,
) -> None:
    text = new_key()
    for _ in range(2):
        await harness.registry.grant("t", 5, "mine")
        info = await harness.registry.create_key(KeySpec("t", "laptop", credits=7), text)
        await harness.killed_and_restarted()
    assert await harness.registry.api_keys() == {hash_key(text): info}
    assert (await harness.registry.usage("t")).credits_left == 12


async def test_a_secret_stays_the_same(harness: RegistryHarness) -> None:
    first = await harness.registry.secret("signing")
    await harness.killed_and_restarted()
    assert await harness.registry.secret("signing") == first


async def test_a_secret_of_the_settings_wins(make_harness: MakeHarness) -> None:
    harness = make_harness(signing_secret="given")
    assert await harness.registry.secret("signing") == "given"


async def test_a_batch_is_answered_in_order(harness: RegistryHarness) -> None:
    jobs = [make_job() for _ in range(20)]
    (known,) = await harness.accepted(make_job())
    batch = [Submission(job) for job in jobs]
    batch.insert(7, Submission(make_job(id=known.id)))
    answers = await harness.registry.submit_many(batch)
    ids = [answer.job.id for answer in answers if isinstance(answer, Accepted)]
    assert ids == [submission.job.id for submission in batch]


@pytest.mark.parametrize("method", ["submit_many", "commit"])
async def test_an_empty_list_is_answered_with_one(harness: RegistryHarness, method: str) -> None:
    assert await getattr(harness.registry, method)([]) == []
