"""The limit of requests a minute for each key, as answers tell it. The registry counts."""

from __future__ import annotations

import time
from math import ceil

from reelyard.actors.jobs.messages import RequestRate
from reelyard.cluster.errors import RateLimited


def rate_headers(rate: RequestRate) -> dict[str, str]:
    """The three headers of an answer."""
    return {
        "X-RateLimit-Limit": str(rate.limit),
        "X-RateLimit-Remaining": str(rate.remaining),
        "X-RateLimit-Reset": str(rate.reset_s),
    }


def too_many(rate: RequestRate) -> RateLimited:
    """The refusal of a request beyond the limit."""
    wait = max(1, ceil(rate.reset_s - time.time()))
    return RateLimited(
        f"more than {rate.limit} requests a minute; try again in {wait} s",
        details={"retry_after": wait},
        retry_after_s=wait,
    )
