"""What a run does: which jobs are sent how, and which fault comes when. Pure; the same seed gives
the same run."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

TENANTS = ("ash", "birch", "cedar", "dogwood")
JOBS_A_ROUND = 8
"""Jobs that are sent around one fault."""
CANCELLED, AGAIN, DISCONNECTED = 0.10, 0.05, 0.05
"""Shares of the jobs that are cancelled, sent twice, or sent by a client that hangs up."""


class Kind(StrEnum):
    """What a job is, and so how it must end."""

    TRANSCODE = "transcode"
    THUMBNAIL = "thumbnail"
    AUDIO = "audio"
    BROKEN = "broken"  #: a file that can't be worked on
    HANGING = "hanging"  #: a URL that never answers
    POISON = "poison"  #: kills the process that it runs in


SHARES = {
    Kind.TRANSCODE: 33,
    Kind.THUMBNAIL: 32,
    Kind.AUDIO: 18,
    Kind.BROKEN: 10,
    Kind.HANGING: 5,
    Kind.POISON: 2,
}
GOOD = frozenset({Kind.TRANSCODE, Kind.THUMBNAIL, Kind.AUDIO})
"""Kinds whose jobs succeed unless they are cancelled."""


class Sending(StrEnum):
    """How a client sends a job."""

    ONCE = "once"
    TWICE = "twice"  #: again with the same key, once it was accepted
    AT_ONCE = "at once"  #: twice at the same time with the same key
    HANGING_UP = "hanging up"  #: first by a client that does not wait for the answer


class Fault(StrEnum):
    """What is done to the cluster."""

    WORKER = "worker killed"
    CODEC = "codec process killed"
    REGISTRY = "registry killed"
    REPLICA = "Api replica killed"
    HAPROXY = "HAProxy killed"
    PROXY_MANAGER = "HAProxy's manager killed"
    CONTROLLER = "Serve controller killed"
    POOL_MANAGER = "pool manager killed"
    ZOMBIE = "worker stopped past its lease"
    REGISTRY_STOPPED = "registry stopped"
    GCS = "GCS killed"
    RAYLET = "raylet killed"
    EVERYTHING = "everything killed"
    STORE = "store killed and restarted"


@dataclass(frozen=True)
class PlannedJob:
    """A job, and what its client does with it."""

    number: int
    tenant: str
    kind: Kind
    sending: Sending = Sending.ONCE
    cancel_after_s: float | None = None
    """So long after it was accepted it is cancelled."""


@dataclass(frozen=True)
class Round:
    """Jobs, and the fault that comes while they are sent."""

    fault: Fault
    jobs: tuple[PlannedJob, ...]
    after: int
    """The fault comes once so many of them were accepted."""


def plan(jobs: int, seed: int, *, store_is_ours: bool = False) -> list[Round]:
    """The rounds of a run with `jobs` jobs; `store_is_ours`: the store is a server that can be
    killed. Each fault comes once before any comes again. Raises `ValueError` for no jobs."""
    if jobs < 1:
        raise ValueError(f"jobs: {jobs}, and at least 1 is needed")
    rng = random.Random(seed)
    planned = [_job(number, rng) for number in range(jobs)]
    rounds = max(1, jobs // JOBS_A_ROUND)
    faults = _faults(rng, store_is_ours=store_is_ours)
    result = []
    for number in range(rounds):
        own = tuple(planned[number * jobs // rounds : (number + 1) * jobs // rounds])
        result.append(Round(next(faults), own, rng.randint(1, max(1, len(own) // 2))))
    return result


def _faults(rng: random.Random, *, store_is_ours: bool) -> Iterator[Fault]:
    known = [fault for fault in Fault if store_is_ours or fault is not Fault.STORE]
    for _ in itertools.count():
        yield from rng.sample(known, len(known))


def _job(number: int, rng: random.Random) -> PlannedJob:
    (kind,) = rng.choices(list(SHARES), list(SHARES.values()))
    cancelled = rng.random() < CANCELLED
    return PlannedJob(
        number,
        rng.choice(TENANTS),
        kind,
        _sending(rng.random(), rng),
        round(rng.uniform(0.0, 1.5), 3) if cancelled else None,
    )


def _sending(share: float, rng: random.Random) -> Sending:
    if share < AGAIN:
        return rng.choice((Sending.TWICE, Sending.AT_ONCE))
    return Sending.HANGING_UP if share < AGAIN + DISCONNECTED else Sending.ONCE
