"""Facts of a run in which everything held, for tests that then break one thing."""

from __future__ import annotations

from benchmarks.fault_run.facts import Account, Answer, ClientLog, Facts, FaultSeen, StoredObject
from benchmarks.fault_run.schedule import TENANTS, Fault, Kind, PlannedJob
from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.locations import Stored
from reelyard.actors.jobs.model import (
    Attempt,
    Change,
    ErrorInfo,
    Job,
    Outcome,
    OutputFile,
    State,
    Task,
)
from reelyard.actors.jobs.object_keys import output_key

TENANT = TENANTS[0]
GRANTED = 1_000
PRICE = 3
START_MS = 1_790_000_000_000

GOOD_ID, BROKEN_ID, CANCELLED_ID, POISON_ID = "good", "broken", "cancelled", "poison"
KEY = output_key(TENANT, GOOD_ID, "transcode", 2, "a.mp4")


def attempt(fence: int, outcome: Outcome) -> Attempt:
    """The `fence`-th of a task: a second long, and a second after the one before."""
    start = START_MS + fence * 2_000
    return Attempt(fence, "w", "n", "cpu", start, start + 1_000, outcome)


def job(number: int, job_id: str, state: State, attempts: list[Attempt], code: str = "") -> Job:
    """A job of one task that has ended."""
    task = Task("transcode", "transcode", {}, [], "cpu", state=state, attempts=attempts)
    return Job(
        job_id,
        TENANT,
        "v1",
        "transcode",
        "video",
        "http://a/b.mp4",
        {},
        [task],
        START_MS,
        state=state,
        metadata={"number": number},
        credits=PRICE,
        error=ErrorInfo(code, "") if code else None,
        history=[Change(1, START_MS, State.QUEUED), Change(2, START_MS + 9_000, state)],
    )


def good_job() -> Job:
    """Succeeded at its second attempt, as the first was lost with its worker."""
    attempts = [attempt(1, Outcome.LOST), attempt(2, Outcome.SUCCEEDED)]
    made = job(0, GOOD_ID, State.SUCCEEDED, attempts)
    output = OutputFile("a.mp4", str(Stored(KEY)), 5, "5a", "video/mp4", "video")
    made.outputs = made.tasks[0].outputs = [output]
    made.outputs_expire_ms = START_MS + 10**9
    return made


def client(number: int, kind: Kind, job_id: str, end: State, **job: float) -> ClientLog:
    """A client that has seen its job queued, then ended."""
    planned = PlannedJob(number, TENANT, kind, cancel_after_s=job.get("cancel_after_s"))
    return ClientLog(planned, [job_id], states=["queued", end.value])


def answer(status: int, began_s: float = 0.0, **fields: object) -> Answer:
    """To a request of a tenth of a second."""
    return Answer(began_s, began_s + 0.1, "GET", "/v1/usage", status, **fields)  # type: ignore[arg-type]


def good_facts() -> Facts:
    """A job of each end, and a worker killed."""
    cancelled = client(2, Kind.THUMBNAIL, CANCELLED_ID, State.CANCELLED, cancel_after_s=0.5)
    cancelled.cancelled = True
    jobs = [
        good_job(),
        job(1, BROKEN_ID, State.FAILED, [attempt(1, Outcome.FAILED)], "corrupt_media"),
        job(2, CANCELLED_ID, State.CANCELLED, []),
        job(
            3,
            POISON_ID,
            State.FAILED,
            [attempt(1, Outcome.CRASHED), attempt(2, Outcome.CRASHED)],
            "worker_crashed",
        ),
    ]
    ledger = [LedgerEntry(TENANT, "", "grant:1", GRANTED, START_MS)]
    for one in jobs:
        ledger.append(LedgerEntry(TENANT, one.id, "charge", -PRICE, START_MS))
        if one.state is not State.SUCCEEDED:
            ledger.append(LedgerEntry(TENANT, one.id, "refund", PRICE, START_MS))
    return Facts(
        clients=[
            client(0, Kind.TRANSCODE, GOOD_ID, State.SUCCEEDED),
            client(1, Kind.BROKEN, BROKEN_ID, State.FAILED),
            cancelled,
            client(3, Kind.POISON, POISON_ID, State.FAILED),
        ],
        answers=[answer(200), answer(503, retry_after="2"), answer(0)],
        jobs={one.id: one for one in jobs},
        objects={KEY: StoredObject(KEY, 5, "5a")},
        ledger=ledger,
        accounts=[Account(TENANT, GRANTED - PRICE, GRANTED - PRICE)],
        faults=[FaultSeen(Fault.WORKER, 2.5, START_MS + 2_500, 20.0, recovered_s=3.0)],
    )
