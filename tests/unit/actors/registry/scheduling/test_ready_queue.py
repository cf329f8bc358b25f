from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.registry.scheduling.ready_queue import Entry, ReadyQueue


def entry(name: str, **fields: object) -> Entry:
    values: dict[str, object] = {"created_ms": 0, "pool": "cpu", "operation": "transcode"}
    return Entry(job_id=name, task="t", **(values | fields))  # type: ignore[arg-type]


def popped(queue: ReadyQueue, *pools: str, want: int = 10) -> list[str]:
    return [entry.job_id for entry in queue.pop(pools or ("cpu",), want)]


def test_higher_priority_goes_first_then_the_older() -> None:
    queue = ReadyQueue()
    queue.push(entry("late", created_ms=9), 0)
    queue.push(entry("early", created_ms=1), 0)
    queue.push(entry("urgent", created_ms=10, priority=5), 0)
    queue.push(entry("idle", created_ms=0, priority=-5), 0)
    assert popped(queue) == ["urgent", "early", "late", "idle"]


def test_the_first_pool_named_is_emptied_before_the_next() -> None:
    queue = ReadyQueue()
    queue.push(entry("light", pool="light", created_ms=0), 0)
    queue.push(entry("cpu", created_ms=5), 0)
    assert popped(queue, "cpu", "light", want=1) == ["cpu"]
    assert popped(queue, "cpu", "light", want=1) == ["light"]
    assert popped(queue, "gpu", want=1) == []


def test_a_task_waits_until_its_pause_is_over() -> None:
    queue = ReadyQueue()
    assert not queue.push(entry("a", ready_at_steady_ms=100), now_steady_ms=0)
    assert queue.queued("cpu") == 1
    assert popped(queue) == []
    assert queue.wake(99) == []
    assert queue.next_wake_steady_ms == 100
    assert queue.wake(100) == ["cpu"]
    assert popped(queue) == ["a"]


def test_a_discarded_task_is_not_handed_out() -> None:
    queue = ReadyQueue()
    queue.push(entry("a"), 0)
    queue.push(entry("b", ready_at_steady_ms=5), 0)
    for name in ("a", "b", "unknown"):
        queue.discard((name, "t"))
    assert queue.wake(10) == []
    assert popped(queue) == []
    assert (len(queue), queue.queued("cpu"), queue.oldest_ms("cpu")) == (0, 0, None)


def test_a_paused_pool_hands_out_nothing() -> None:
    queue = ReadyQueue()
    queue.push(entry("a"), 0)
    queue.pause("cpu")
    assert not queue.has_ready(["cpu", "none"])
    assert popped(queue) == []
    queue.resume("cpu")
    assert queue.has_ready(["none", "cpu"])
    assert popped(queue) == ["a"]


def test_the_queue_tells_its_length_age_and_operations() -> None:
    queue = ReadyQueue()
    queue.push(entry("a", created_ms=7, priority=3), 0)
    queue.push(entry("b", created_ms=4, operation="probe"), 0)
    assert queue.oldest_ms("cpu") == 4
    assert queue.by_operation("cpu") == {"transcode": 1, "probe": 1}
    assert (queue.queued("cpu"), queue.queued("other")) == (2, 0)
    assert queue.names() == ["cpu"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "push", "push", "pop", "discard", "wake"]),
            st.integers(0, 15),
            st.integers(-2, 2),
            st.integers(0, 30),
        ),
        max_size=60,
    )
)
def test_it_behaves_like_a_sorted_list(writes: list[tuple[str, int, int, int]]) -> None:
    queue = ReadyQueue()
    model: dict[str, Entry] = {}
    now = 0
    for what, number, priority, time in writes:
        name = str(number)
        if what == "push":
            made = entry(name, priority=priority, created_ms=number, ready_at_steady_ms=time)
            queue.push(made, now)
            model[name] = made
        elif what == "discard":
            queue.discard((name, "t"))
            model.pop(name, None)
        elif what == "wake":
            now = max(now, time)
            queue.wake(now)
        else:
            queue.wake(now)
            ready = sorted(
                (e for e in model.values() if e.ready_at_steady_ms <= now),
                key=lambda e: (-e.priority, e.created_ms, e.job_id),
            )[:number]
            assert queue.pop(("cpu",), number) == ready
            for taken in ready:
                del model[taken.job_id]
        assert len(queue) == queue.queued("cpu") == len(model)
        queue.wake(now)
        assert queue.has_ready(["cpu"]) == any(e.ready_at_steady_ms <= now for e in model.values())
