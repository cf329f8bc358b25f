"""Fakes of what a worker's loop talks to: the registry, the codec process, the storage."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelyard.actors.jobs.messages import Commit, Lease, LeaseReply, Report, Verdict
from reelyard.actors.jobs.model import OutputFile
from reelyard.actors.media.operation import MediaFile, Progress, Result, Source
from reelyard.actors.worker.codec_process.order import Order
from reelyard.actors.worker.destinations import check_held
from reelyard.actors.worker.publishing import Published
from reelyard.actors.worker.task_run import WorkerTools
from reelyard.cluster.errors import Unavailable


def lease(number: int, *, ttl_s: float = 30.0, **how: Any) -> Lease:
    return Lease(
        job_id=f"job-{number}",
        task="t",
        fence=how.pop("fence", 1),
        tenant="default",
        operation="trial",
        params={},
        inputs=[],
        output=None,
        ttl_s=ttl_s,
        **how,
    )


@dataclass
class FakeRegistry:
    """Hands out `queue`, remembers what comes back, gives the verdicts it is told to."""

    queue: deque[Lease] = field(default_factory=deque)
    commits: list[Commit] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    wants: list[int] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    stop: set[str] = field(default_factory=set)
    down: bool = False
    given_up: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    drain: bool = False
    scratch_full: bool = False
    waiting: int = 0
    calls: int = 0
    lost_replies: int = 0
    """So many answers to calls that hand something in get lost on their way."""

    def add(self, *leases: Lease) -> None:
        self.queue.extend(leases)
        self.arrived.set()

    async def lease(self, want: int, done: Sequence[Commit], wait_s: float) -> LeaseReply:
        if self.down:
            raise Unavailable("down")
        self.wants.append(want)
        verdicts = await self.commit(done) if done else []
        if done and self.lost_replies:
            self.lost_replies -= 1
            raise Unavailable("the answer was lost")
        if not self.queue and not self.drain and not done:
            self.arrived.clear()
            try:
                await asyncio.wait_for(self.arrived.wait(), wait_s)
            except TimeoutError:
                return LeaseReply([])
        taken = [self.queue.popleft() for _ in range(min(want, len(self.queue)))]
        return LeaseReply(taken, verdicts, self.drain, self.waiting)

    async def give_up(self) -> None:
        while self.down:
            await asyncio.sleep(0.01)
        self.given_up += 1

    async def report(self, reports: Sequence[Report]) -> list[Verdict]:
        if self.down:
            raise Unavailable("down")
        self.reports += reports
        return [self._verdict(report) for report in reports]

    async def commit(self, commits: Sequence[Commit]) -> list[Verdict]:
        while self.down:
            await asyncio.sleep(0.01)
        self.calls += 1
        self.commits += commits
        return [self._verdict(commit) for commit in commits]

    def _verdict(self, what: Commit | Report) -> Verdict:
        return Verdict(
            what.job_id,
            what.task,
            what.fence,
            accepted=what.job_id not in self.refuse,
            stop=what.job_id in self.stop,
        )

    def commit_of(self, number: int) -> Commit:
        (found,) = [commit for commit in self.commits if commit.job_id == f"job-{number}"]
        return found


@dataclass
class FakeCodecClient:
    """Runs orders one after another; `act` does the work."""

    act: Callable[[Order], Any] | None = None
    begun: list[Order] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    running_for_s: float = 0.0
    backlog: Callable[[], int] = lambda: 0
    on_spare: Callable[[], None] = lambda: None
    queued: int = 0

    async def run(self, order: Order) -> Result:
        self.queued += 1
        try:
            await self.turn.acquire()
        finally:
            self.queued -= 1
        try:
            self.begun.append(order)
            try:
                outcome = self.act(order) if self.act else Result()
                if asyncio.iscoroutine(outcome):
                    outcome = await outcome
                assert isinstance(outcome, Result)
                return outcome
            finally:
                self.begun.remove(order)
                order.run_s = order.run_s or 0.01
                if not order.done.done():
                    order.done.set_result(Result())
                self.on_spare()
        finally:
            self.turn.release()

    @property
    def spare(self) -> int:
        return 0 if self.begun else 1

    def runs(self, order: Order) -> bool:
        return order in self.begun

    def blocked_s(self) -> float:
        return self.running_for_s if self.begun else 0.0


@dataclass(frozen=True)
class FakeWorkerTools(WorkerTools):
    """Tools whose inputs are there already and whose outputs go to a list."""

    published: list[OutputFile] = field(default_factory=list)
    taken_back: list[OutputFile] = field(default_factory=list)
    stage_error: Exception | None = None
    publish_s: float = 0.0
    on_published: Callable[[], None] = lambda: None

    async def stage(self, lease: Lease, folder: Path, progress: Progress) -> list[Source]:
        if self.stage_error is not None:
            raise self.stage_error
        return []

    async def publish(self, lease: Lease, result: Result, held: Callable[[], bool]) -> Published:
        outputs = [
            OutputFile(file.path.name, f"storage:{lease.job_id}", 1, "", "", file.kind)
            for file in result.files
        ]
        check_held(held)
        await asyncio.sleep(self.publish_s)
        self.published.extend(outputs)
        self.on_published()
        return Published(outputs)

    async def unpublish(self, published: Published) -> None:
        self.taken_back.extend(published.outputs)


def writes_a_file(order: Order) -> Result:
    path = Path(order.out_dir) / "out.txt"
    path.write_text("x")
    return Result(files=[MediaFile(path, "data")], data={"answer": 42})


async def forever(_: Order) -> Result:
    await asyncio.sleep(3600)
    return Result()
