"""Messages to the registry from clients, workers and operators, and its answers. Plain records."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from reelyard.actors.jobs.model import ErrorInfo, Job, Outcome, OutputFile, State
from reelyard.actors.media.operation import Phase
from reelyard.cluster.errors import ReelyardError


class Submission(msgspec.Struct, frozen=True, omit_defaults=True):
    """A planned job on its way in."""

    job: Job
    idempotency_key: str | None = None
    fingerprint: str = ""


class Accepted(msgspec.Struct, frozen=True, omit_defaults=True):
    """The job is on disk. `replayed`: an earlier request with the same key made it."""

    job: Job
    replayed: bool = False


class PageQuery(msgspec.Struct, frozen=True):
    """A page of a tenant's jobs, newest first unless `ascending`."""

    tenant: str
    limit: int = 20
    state: State | None = None
    operation: str | None = None
    kind: str | None = None
    input: str | None = None
    created_from_ms: int | None = None
    """Inclusive."""
    created_to_ms: int | None = None
    """Inclusive."""
    after_id: str | None = None
    """Keyset: the last id of the page before."""
    ascending: bool = False


class Lease(msgspec.Struct, frozen=True, omit_defaults=True):
    """The right to run one attempt of one task, until `ttl_s` after the last report of it."""

    job_id: str
    task: str
    fence: int
    tenant: str
    operation: str
    params: dict[str, Any]
    inputs: list[str]
    """Locations; every `task:` reference already replaced by `storage:` or URL."""
    output: str | None
    ttl_s: float
    note: str = ""
    """Why it runs here, if not where it was asked for (e.g. no gpu worker)."""


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """Progress of a leased task; renews its lease."""

    job_id: str
    task: str
    fence: int
    progress: float
    phase: Phase
    speed: float | None = None
    eta_s: float | None = None


class Commit(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of an attempt, with what came of it."""

    job_id: str
    task: str
    fence: int
    outcome: Outcome
    """Any but running and lost. Crashed: the codec process died under it. Returned: given back
    unfinished, which costs no attempt. Cancelled: stopped as ordered."""
    outputs: list[OutputFile] = []
    """Where it succeeded."""
    result: dict[str, Any] | None = None
    error: ErrorInfo | None = None
    """Where it failed or crashed."""
    sizing: str = ""
    """How many threads it had, and why."""


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the registry took a Commit or Report. `stop`: end this task's work at once."""

    job_id: str
    task: str
    fence: int
    accepted: bool
    stop: bool = False


class WorkerInfo(msgspec.Struct, frozen=True):
    """Who asks for work."""

    slot: str
    """The actor's name, the same across restarts."""
    incarnation: str
    """Fresh for each process: a new one gives up what its predecessor still held."""
    pool: str
    node: str
    takes: list[str]
    """Pools whose tasks it runs, in order of preference."""
    scratch_full: bool = False
    """It takes nothing for want of room on its disk."""


class LeaseReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """Work, and what became of what was handed in. `drain`: finish up and exit."""

    leases: list[Lease]
    verdicts: list[Verdict] = []
    drain: bool = False
    waiting: int = 0
    """Tasks that this worker could run and that were left in the queue."""


FROM_NOW = -1
"""As the number to begin after: only tells where the change log stands."""


class Changes(msgspec.Struct, frozen=True):
    """Ids of jobs that changed after `after`. Another epoch: look at everything again."""

    epoch: str
    seq: int
    job_ids: list[str]


class PoolStatus(msgspec.Struct, frozen=True):
    """A pool as the registry sees it."""

    name: str
    queued: int
    running: int
    oldest_queued_s: float
    backlog_s: float
    """Estimated work in the queue, in worker seconds."""
    workers: list[str]
    paused: bool = False
    """By an operator: none of its tasks are handed out."""


class HealthPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the cluster that jobs need."""

    name: str
    ok: bool = True
    reason: str = ""
    """What is wrong, or nearly so."""
    full: bool = False
    """It has no room, as opposed to being away."""


class Health(msgspec.Struct, frozen=True):
    """Whether jobs can be taken on and run.

    ok; degraded: they are taken on, and wait; unavailable: they are refused.
    """

    status: str
    parts: list[HealthPart]
    paused_pools: list[str] = []
    """By an operator; no fault of the cluster's."""


class Overview(msgspec.Struct, frozen=True):
    """The registry at a glance: for operators, metrics and pool sizing."""

    epoch: str
    uptime_s: float
    store: str
    jobs: dict[str, int]
    """Count by state, over all tenants."""
    pools: list[PoolStatus]
    running: list[Job]
    """At most 50 running jobs."""
    finished_per_s: float
    """Over the last minute."""
    lease_expiries: int
    """Since start."""
    health: Health


class RequestRate(msgspec.Struct, frozen=True):
    """Where a key stands with its requests a minute, after one of them or at a look."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    """Unix seconds at which the count begins anew."""


class KeyScope(StrEnum):
    """What a key may do; each may what those before it may."""

    READ = "read"
    """Look at its tenant's jobs and files."""
    SUBMIT = "submit"
    """Submit and change jobs, upload."""
    ADMIN = "admin"
    """Operate the cluster, and see all tenants' jobs."""


class KeySpec(msgspec.Struct, frozen=True):
    """An API key to make."""

    tenant: str
    name: str = ""
    scope: KeyScope = KeyScope.SUBMIT
    life_s: float | None = None
    """None: until it is revoked."""
    credits: int | None = None
    """Granted to the tenant with the key."""


class KeyInfo(msgspec.Struct, frozen=True):
    """An API key; the key itself is shown once, at its making."""

    key_id: str
    tenant: str
    name: str
    created_ms: int
    admin: bool = False
    revoked_ms: int | None = None
    read_only: bool = False
    expires_ms: int | None = None

    @property
    def scope(self) -> KeyScope:
        """What it may do."""
        if self.admin:
            return KeyScope.ADMIN
        return KeyScope.READ if self.read_only else KeyScope.SUBMIT

    def works(self, now_ms: int) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_ms is None and (self.expires_ms is None or now_ms < self.expires_ms)


class Totals(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sums over succeeded jobs, of a tenant or of one job alone; None: nothing to sum up yet."""

    output_bytes: int | None = None
    compared_jobs: int | None = None
    """Jobs whose input size is known; the sums below are over these alone."""
    input_bytes: int | None = None
    compared_output_bytes: int | None = None
    saved_bytes: int | None = None
    """By how much outputs are smaller than inputs; a job whose outputs are larger adds 0."""


class Usage(msgspec.Struct, frozen=True):
    """A tenant's account. `credits_left` None: not limited."""

    tenant: str
    credits_left: int | None
    credits_spent: int
    jobs: dict[str, int]
    """Count by state."""
    totals: Totals = Totals()


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why one item of a list call was not done, and when to try again."""

    error: ErrorInfo
    retry_after_s: float | None = None

    @classmethod
    def of(cls, error: ReelyardError) -> Refusal:
        """`error` as an item of an answer."""
        return cls(ErrorInfo.of(error), error.retry_after_s)
