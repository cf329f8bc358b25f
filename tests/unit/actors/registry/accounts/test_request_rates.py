"""The count of requests a minute."""

from __future__ import annotations

import time

from reelyard.actors.registry.accounts.request_rates import RequestRates


async def test_each_key_has_its_count_and_what_is_over_the_limit_is_not_allowed() -> None:
    rates = await RequestRates(2).count([("a", 1), ("a", 1), ("b", 1), ("a", 1)])
    assert [rate.allowed for rate in rates] == [True, True, True, False]
    assert [rate.remaining for rate in rates] == [1, 0, 1, 0]
    assert {rate.limit for rate in rates} == {2}
    assert all(0 < rate.reset_s - time.time() <= 61 for rate in rates)


async def test_a_look_counts_nothing() -> None:
    rates = await RequestRates(1).count([("a", 0), ("a", 0), ("a", 1), ("a", 0)])
    assert [rate.remaining for rate in rates] == [1, 1, 0, 0]
