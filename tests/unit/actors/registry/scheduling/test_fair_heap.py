"""Tenants share what the workers can do, whatever each of them has waiting."""

from __future__ import annotations

import random
import statistics
from collections import Counter, defaultdict
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.registry.scheduling.fair_heap import FairHeap


class Item(NamedTuple):
    age: int
    tenant: str
    cost_s: float = 1.0


def heap_of(*items: Item) -> FairHeap[Item]:
    heap: FairHeap[Item] = FairHeap(lambda _: True)
    for item in items:
        heap.push(item)
    return heap


def popped(heap: FairHeap[Item], want: int = 1000) -> list[Item]:
    taken: list[Item] = []
    while len(taken) < want and (item := heap.pop()) is not None:
        taken.append(item)
    return taken


def test_one_tenant_is_served_by_age() -> None:
    items = [Item(age, "a") for age in (3, 1, 2)]
    assert popped(heap_of(*items)) == sorted(items)


def test_one_job_does_not_wait_behind_five_hundred_of_another_tenant() -> None:
    heap = heap_of(*(Item(age, "many") for age in range(500)))
    assert len(popped(heap, 100)) == 100
    heap.push(Item(1000, "one"))
    assert "one" in {item.tenant for item in popped(heap, 2)}


def test_tenants_take_turns_and_each_in_its_own_order() -> None:
    items = [Item(age, tenant) for tenant in "abc" for age in range(4)]
    order = popped(heap_of(*items))
    assert [Counter(item.tenant for item in order[n : n + 3]) for n in range(0, 12, 3)] == [
        Counter("abc")
    ] * 4
    for tenant in "abc":
        assert [item.age for item in order if item.tenant == tenant] == [0, 1, 2, 3]


def test_who_asks_for_long_work_is_served_more_rarely() -> None:
    items = [Item(age, "films", 60.0) for age in range(20)]
    items += [Item(age, "thumbnails", 1.0) for age in range(2000)]
    first = Counter(item.tenant for item in popped(heap_of(*items), 610))
    assert first["films"] == pytest.approx(10, abs=1)


def test_who_comes_back_does_not_make_up_for_the_time_away() -> None:
    heap = heap_of(Item(0, "back"), *(Item(age, "steady") for age in range(100)))
    popped(heap, 50)
    for age in range(50):
        heap.push(Item(age, "back"))
    turns = [item.tenant for item in popped(heap, 20)]
    assert turns.count("back") <= 11


def test_who_leaves_and_comes_at_once_again_gains_nothing() -> None:
    heap = heap_of(*(Item(age, "steady") for age in range(100)))
    served = Counter[str]()
    for age in range(40):
        heap.push(Item(age, "hopper"))
        served[popped(heap, 1)[0].tenant] += 1
    assert served["hopper"] <= 21


def test_what_has_left_is_passed_over() -> None:
    gone: set[Item] = set()
    heap: FairHeap[Item] = FairHeap(lambda item: item not in gone)
    items = [Item(age, tenant) for tenant in "ab" for age in range(3)]
    for item in items:
        heap.push(item)
    gone |= {item for item in items if item.tenant == "a" or item.age == 1}
    assert [item.age for item in heap.heads()] == [0]
    assert popped(heap) == [Item(0, "b"), Item(2, "b")]
    assert heap.pop() is None


def test_work_that_costs_nothing_does_not_hold_up_others() -> None:
    items = [Item(age, "free", 0.0) for age in range(10_000)] + [Item(0, "paid", 1.0)] * 2
    assert Counter(item.tenant for item in popped(heap_of(*items), 150))["paid"] == 2


@given(
    st.lists(
        st.one_of(st.tuples(st.sampled_from("abcd"), st.floats(0, 100)), st.just(("", 0.0))),
        max_size=80,
    )
)
def test_everything_comes_out_once_and_at_most_one_turn_apart(
    steps: list[tuple[str, float]],
) -> None:
    heap = heap_of()
    pushed: list[Item] = []
    taken: list[Item] = []
    for age, (tenant, cost_s) in enumerate(steps):
        if tenant:
            pushed.append(Item(age, tenant, cost_s))
            heap.push(pushed[-1])
        elif (item := heap.pop()) is not None:
            taken.append(item)
    assert sorted(taken + popped(heap)) == sorted(pushed)


@given(st.integers(0, 2**32), st.integers(2, 6), st.floats(0.1, 20))
def test_while_two_wait_neither_gets_more_than_one_job_ahead(
    seed: int, tenants: int, longest_s: float
) -> None:
    chance = random.Random(seed)
    names = [f"t{n}" for n in range(tenants)]
    heap = heap_of(
        *(Item(n, name, chance.uniform(0.1, longest_s)) for name in names for n in range(30))
    )
    had = dict.fromkeys(names, 0.0)
    left = dict.fromkeys(names, 30)
    while all(left.values()):
        item = popped(heap, 1)[0]
        had[item.tenant] += item.cost_s
        left[item.tenant] -= 1
        # Goyal et al., theorem 1: the difference is at most the longest job of each of the two.
        assert max(had.values()) - min(had.values()) <= 2 * max(longest_s, 0.1) + 1e-6


def test_in_a_day_of_mixed_tenants_nobody_waits_ten_times_the_median_of_their_class() -> None:
    """A simulation: two workers, a tenant with a burst of 500, others with a job now and then."""
    chance = random.Random(7)
    arrivals = [(0.0, Item(n, "bulk", 2.0)) for n in range(500)]
    for number in range(8):
        at = 0.0
        while at < 450:
            at += chance.expovariate(1 / 30)
            arrivals.append((at, Item(round(at * 1000), f"small-{number}", 2.0)))
    arrivals.sort(key=lambda arrival: arrival[0])
    heap = heap_of()
    waits: dict[str, list[float]] = defaultdict(list)
    came: dict[Item, float] = {}
    workers = [0.0, 0.0]
    while arrivals or came:
        now = min(workers)
        while arrivals and (arrivals[0][0] <= now or not came):
            at, item = arrivals.pop(0)
            now = max(now, at)
            came[item] = at
            heap.push(item)
        item = popped(heap, 1)[0]
        waits[item.tenant.partition("-")[0]].append(now - came.pop(item))
        workers[workers.index(min(workers))] = now + item.cost_s
    for of_class in waits.values():
        # One turn of the two workers is the least that anybody can wait for.
        assert max(of_class) <= 10 * max(2.0, statistics.median(of_class))
    assert statistics.median(waits["small"]) < statistics.median(waits["bulk"]) / 10
