from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from actors.jobs.messages import Accepted, PageQuery, Refusal, Submission
from actors.jobs.model import Job, State
from actors.registry.keys import hash_key, new_key
from tests.unit.registry.builders import BROKEN, done, make_job, make_output
from tests.unit.registry.conftest import Bench

MakeBench = Callable[..., Bench]


def code(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.error.code


async def test_an_accepted_job_is_found_at_once_and_after_a_restart(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    assert (await bench.job(job.id)).state is State.QUEUED
    assert [j.id for j in await bench.registry.page(PageQuery("default"))] == [job.id]
    await bench.killed_and_restarted()
    assert await bench.job(job.id) == job


async def test_the_same_job_again_is_accepted_once(bench: Bench) -> None:
    job = make_job()
    twin = make_job(id=job.id)
    first, second = await asyncio.gather(bench.submit(job), bench.submit(twin))
    assert all(isinstance(answer, Accepted) for answer in first + second)
    (again,) = await bench.submit(make_job(id=job.id))
    assert isinstance(again, Accepted)
    assert again.replayed
    assert len(await bench.lease(want=5)) == 1
    assert (await bench.registry.overview()).jobs["queued"] == 0


async def test_an_id_of_another_tenant_is_refused(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    (answer,) = await bench.submit(make_job(id=job.id, tenant="other"))
    assert code(answer) == "conflict"


async def test_the_same_key_and_request_give_the_first_job(bench: Bench) -> None:
    first, second, third = make_job(), make_job(), make_job()
    key = {"idempotency_key": "k", "fingerprint": "x"}
    racing = await asyncio.gather(bench.submit(first, **key), bench.submit(second, **key))
    later = await bench.submit(third, **key)
    ids = {answer.job.id for (answer,) in [*racing, later] if isinstance(answer, Accepted)}
    assert len(ids) == 1
    assert ids < {first.id, second.id}
    (answer,) = later
    assert isinstance(answer, Accepted)
    assert answer.replayed
    assert (await bench.registry.overview()).jobs["queued"] == 1


async def test_the_same_key_for_another_request_is_refused(bench: Bench) -> None:
    await bench.submit(make_job(), idempotency_key="k", fingerprint="x")
    (answer,) = await bench.submit(make_job(), idempotency_key="k", fingerprint="y")
    assert code(answer) == "idempotency_mismatch"
    (elsewhere,) = await bench.submit(
        make_job(tenant="other"), idempotency_key="k", fingerprint="y"
    )
    assert isinstance(elsewhere, Accepted)


async def test_a_key_is_forgotten_after_its_time(bench: Bench) -> None:
    await bench.submit(make_job(), idempotency_key="k", fingerprint="x")
    bench.clock.advance(24 * 3600)
    (answer,) = await bench.submit(make_job(), idempotency_key="k", fingerprint="y")
    assert isinstance(answer, Accepted)


async def test_a_full_registry_refuses_more(make_bench: MakeBench) -> None:
    bench = make_bench(max_queued_jobs=2)
    answers = await bench.submit(make_job(), make_job(), make_job())
    assert [isinstance(answer, Accepted) for answer in answers] == [True, True, False]
    assert code(answers[2]) == "rate_limited"
    (lease,) = await bench.lease()
    await bench.commit(done(lease))
    (answer,) = await bench.submit(make_job())
    assert isinstance(answer, Accepted)


async def test_a_tenant_without_grants_is_not_limited(bench: Bench) -> None:
    await bench.accepted(make_job(credits=1000))
    usage = await bench.registry.usage("default")
    assert (usage.credits_left, usage.credits_spent) == (None, 1000)


async def test_jobs_are_refused_once_the_credits_are_spent(bench: Bench) -> None:
    await bench.registry.grant("default", 10)
    answers = await asyncio.gather(*(bench.submit(make_job(credits=4)) for _ in range(4)))
    refused = [answer for (answer,) in answers if isinstance(answer, Refusal)]
    assert [code(answer) for answer in refused] == ["insufficient_credits"] * 2
    assert refused[0].error.details == {"needed": 4, "available": 2}
    usage = await bench.registry.usage("default")
    assert (usage.credits_left, usage.credits_spent) == (2, 8)


async def test_a_failed_job_is_refunded_once_and_a_cancelled_one_too(bench: Bench) -> None:
    await bench.registry.grant("default", 10)
    failing, other = await bench.accepted(make_job(credits=4), make_job(credits=5))
    (lease,) = await bench.lease()
    assert await bench.commit(done(lease, error=BROKEN))
    assert await bench.commit(done(lease, error=BROKEN))
    for _ in range(2):
        await bench.registry.cancel_many([other.id], None)
    assert (await bench.registry.usage("default")).credits_left == 10
    assert (await bench.job(failing.id)).refunded
    await bench.killed_and_restarted()
    assert (await bench.registry.usage("default")).credits_left == 10


async def test_a_failed_job_begun_anew_is_charged_anew(bench: Bench) -> None:
    await bench.registry.grant("default", 10)
    (job,) = await bench.accepted(make_job(credits=6))
    for fence in (1, 2):
        bench.clock.advance(1)
        (lease,) = await bench.lease()
        assert lease.fence == fence
        await bench.commit(done(lease, error=BROKEN))
        bench.clock.advance(1)
        (answer,) = (await bench.registry.retry_many([job.id], "default")).values()
        assert isinstance(answer, Job)
        assert answer.state is State.QUEUED
        assert (await bench.registry.usage("default")).credits_left == 4
    (lease,) = await bench.lease()
    assert await bench.commit(done(lease, result={"ok": True}))
    usage = await bench.registry.usage("default")
    assert (usage.credits_left, usage.credits_spent) == (4, 6)


async def test_a_retry_that_cannot_be_paid_for_leaves_the_job_failed(bench: Bench) -> None:
    await bench.registry.grant("default", 6)
    (job,) = await bench.accepted(make_job(credits=6))
    (lease,) = await bench.lease()
    await bench.commit(done(lease, error=BROKEN))
    await bench.accepted(make_job(credits=6))
    (answer,) = (await bench.registry.retry_many([job.id], None)).values()
    assert code(answer) == "insufficient_credits"
    assert (await bench.job(job.id)).state is State.FAILED


async def test_a_retry_first_deletes_what_the_failed_run_left(bench: Bench) -> None:
    first = make_job().tasks[0]
    second = make_job().tasks[0]
    first.name, second.name, second.needs = "probe", "b", ["probe"]
    (job,) = await bench.accepted(make_job(tasks=[first, second]))
    (lease,) = await bench.lease()
    output = make_output(job)
    await bench.commit(done(lease, outputs=[output]))
    (lease,) = await bench.lease()
    await bench.commit(done(lease, error=BROKEN))
    await bench.registry.retry_many([job.id], None)
    assert bench.files.deleted == {job.id: [output.url.removeprefix("storage:")]}
    assert [task.outputs for task in (await bench.job(job.id)).tasks] == [[], []]


async def test_retry_says_why_not(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    answers = await bench.registry.retry_many([job.id, make_job().id], None)
    assert [code(answer) for answer in answers.values()] == ["not_ready", "not_found"]
    assert code((await bench.registry.retry_many([job.id], "other"))[job.id]) == "not_found"


async def test_new_tenants_get_the_default_credits_once(make_bench: MakeBench) -> None:
    bench = make_bench(default_credits=5)
    (answer,) = await bench.submit(make_job(credits=6))
    assert code(answer) == "insufficient_credits"
    await bench.accepted(make_job(credits=5))
    await bench.killed_and_restarted()
    assert (await bench.registry.usage("default")).credits_left == 0


async def test_an_api_key_is_shown_once_and_kept_as_a_hash(bench: Bench) -> None:
    text, info = await bench.registry.create_key("t", "laptop", False, 7)
    assert len(text) == 43
    assert text.startswith("ry_")
    assert await bench.registry.api_keys() == {hash_key(text): info}
    assert (await bench.registry.usage("t")).credits_left == 7
    ended = await bench.registry.revoke_key(info.key_id)
    assert ended.revoked_ms is not None
    assert await bench.registry.revoke_key(info.key_id) == ended
    assert (await bench.registry.api_keys())[hash_key(text)] == ended


async def test_grants_and_keys_that_are_asked_for_again_count_once(bench: Bench) -> None:
    text = new_key()
    for _ in range(2):
        await bench.registry.grant("t", 5, "mine")
        made, info = await bench.registry.create_key("t", "laptop", False, 7, text)
        assert made == text
        await bench.killed_and_restarted()
    assert await bench.registry.api_keys() == {hash_key(text): info}
    assert (await bench.registry.usage("t")).credits_left == 12


async def test_a_secret_stays_the_same(bench: Bench) -> None:
    first = await bench.registry.secret("signing")
    await bench.killed_and_restarted()
    assert await bench.registry.secret("signing") == first


async def test_a_secret_of_the_settings_wins(make_bench: MakeBench) -> None:
    bench = make_bench(signing_secret="given")
    assert await bench.registry.secret("signing") == "given"


async def test_a_batch_is_answered_in_order(bench: Bench) -> None:
    jobs = [make_job() for _ in range(20)]
    (known,) = await bench.accepted(make_job())
    batch = [Submission(job) for job in jobs]
    batch.insert(7, Submission(make_job(id=known.id)))
    answers = await bench.registry.submit_many(batch)
    ids = [answer.job.id for answer in answers if isinstance(answer, Accepted)]
    assert ids == [submission.job.id for submission in batch]


@pytest.mark.parametrize("method", ["submit_many", "commit"])
async def test_an_empty_list_is_answered_with_one(bench: Bench, method: str) -> None:
    assert await getattr(bench.registry, method)([]) == []
