from __future__ import annotations

from benchmarks.rivals.bare_loop import BareQueue


async def test_a_queue_ends_when_all_jobs_have_been_taken_and_not_before() -> None:
    queue = BareQueue()
    await queue.begin(3)
    await queue.submit(["a", "b", "c"])
    assert await queue.lease(2, 0) == ["a", "b"]
    assert await queue.lease(2, 2) == ["c"]
    assert await queue.lease(2, 1) is None
    assert queue.done == 3
