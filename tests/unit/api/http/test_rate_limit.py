"""Counting requests where every replica sees the count."""

from __future__ import annotations

from api.http.rate_limit import RateLimiter


async def test_replicas_on_one_store_share_the_count_and_other_clusters_do_not(
    redis_url: str,
) -> None:
    one, two = RateLimiter(2, redis_url), RateLimiter(2, redis_url)
    other = RateLimiter(2, redis_url.replace("prefix=", "prefix=other"))
    answers = [await limiter.hit("key") for limiter in (one, two, one, other)]
    assert [allowed for allowed, _ in answers] == [True, True, False, True]
    assert [state.remaining for _, state in answers] == [1, 0, 0, 1]
    looked = await two.look("key")
    assert looked is not None
    assert (looked.limit, looked.remaining) == (2, 0)
    assert abs(looked.reset_s - answers[0][1].reset_s) <= 1
    for limiter in (one, two, other):
        await limiter.close()
