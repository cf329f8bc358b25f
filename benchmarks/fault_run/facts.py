"""What a run has seen: of its clients, of the cluster, and of what was stored in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.fault_run.schedule import Fault, PlannedJob
from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.model import Job


@dataclass(frozen=True)
class Answer:
    """What one request came to. Times in seconds of the run's own clock."""

    began_s: float
    ended_s: float
    method: str
    path: str
    status: int
    """0: the connection was refused or closed; -1: nothing came within the client's patience."""
    retry_after: str | None = None
    well_formed: bool = True
    """Whether it was JSON, and an error in the form of its dialect."""
    allowed: frozenset[int] = frozenset()
    """Statuses of 400 to 499 that are right here."""

    @property
    def may_wait(self) -> bool:
        """Whether it is a long poll, which is answered when something happens."""
        return "wait=" in self.path

    @property
    def good(self) -> bool:
        """Whether the client got what it asked for, or a right refusal."""
        return 200 <= self.status < 300 or self.status in self.allowed


@dataclass
class ClientLog:
    """What the client of one job has seen."""

    job: PlannedJob
    ids: list[str] = field(default_factory=list)
    """The job's id in each answer that accepted it."""
    cancelled: bool | None = None
    """Whether cancelling it was granted (True) or refused; None: not tried, or no answer."""
    states: list[str] = field(default_factory=list)
    """As told one after the other, without repetition."""
    ended_s: float | None = None
    """When its end was told, on the run's own clock."""
    given_up: str = ""
    """Why the client stopped waiting for the end, if it did."""


@dataclass(frozen=True)
class StoredObject:
    """A file in the cluster's own storage."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Account:
    """A tenant's credits as the store and as `/v1/usage` tell them."""

    tenant: str
    stored: int
    told: int | None
    """None: not limited."""


@dataclass(frozen=True)
class FaultSeen:
    """A fault, and how the cluster took it. Times in seconds of the run's own clock."""

    fault: Fault
    at_s: float
    at_ms: int
    """Unix time."""
    over_s: float
    """When the next one came, or the run was over."""
    noticed_s: float | None = None
    """How long until another process stood in the place of the killed one."""
    recovered_s: float | None = None
    """How long until a job that was sent after the fault had succeeded; None: never."""
    trouble: str = ""
    """What the cluster's processes did wrong: one did not end, or outlived the others."""


@dataclass(frozen=True)
class Facts:
    """All of a run, for the invariants."""

    clients: list[ClientLog]
    answers: list[Answer]
    jobs: Mapping[str, Job]
    """Of the store, by id, of all tenants."""
    objects: Mapping[str, StoredObject]
    """By key; outputs of jobs alone."""
    ledger: list[LedgerEntry]
    accounts: list[Account]
    faults: list[FaultSeen] = field(default_factory=list)
    running: int = 0
    """Tasks that the registry held for running or leased when all clients had gone."""
    kept: frozenset[str] = frozenset()
    """Keys that still lay there after a sweep for which every time was over."""
    trouble: list[str] = field(default_factory=list)
    """What went wrong at the end: `down` hung, a process stayed."""
