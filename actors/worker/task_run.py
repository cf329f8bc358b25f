"""The run of one leased task, from its inputs to its commit: staged, run, published."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from reelyard.actors.jobs.messages import Commit, Lease, Report
from reelyard.actors.jobs.model import ErrorInfo, Outcome
from reelyard.actors.jobs.traceback_visibility import TRACEBACK
from reelyard.actors.media.operation import Progress, Result, Source
from reelyard.actors.worker.codec_process.client import CodecCrashed
from reelyard.actors.worker.codec_process.group import CodecGroup
from reelyard.actors.worker.codec_process.order import Order
from reelyard.actors.worker.destinations import LeaseLost
from reelyard.actors.worker.progress import ProgressEstimator
from reelyard.actors.worker.publishing import Published, publish, unpublish
from reelyard.actors.worker.scratch import AttemptFolder, Scratch
from reelyard.actors.worker.staging import renamed, stage_inputs
from reelyard.cluster.errors import MediaError, ReelyardError, StorageFull, WorkerCrashed
from reelyard.cluster.readable_text import traceback_text
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage

log = structlog.get_logger()


class Stop(StrEnum):
    """Why a run is stopped."""

    ORDERED = "ordered"  #: by the registry: the job was cancelled
    FENCED = "fenced"  #: a newer attempt exists, or the job has ended
    LOST = "lost"  #: the lease could not be renewed in time
    RETURNED = "returned"  #: the worker drains, or a long task is in its way


@dataclass(frozen=True)
class WorkerTools:
    """What all runs of one worker share."""

    settings: Settings
    storage: Storage
    codec: CodecGroup

    async def stage(self, lease: Lease, folder: Path, progress: Progress) -> list[Source]:
        """The inputs as local files."""
        if not lease.inputs:
            return []

        def on_bytes(done: int, total: int | None) -> None:
            progress.fraction = done / total if total else 0.0

        return await stage_inputs(lease, folder, self.settings, self.storage, on_bytes)

    async def publish(self, lease: Lease, result: Result, held: Callable[[], bool]) -> Published:
        """The outputs where they were asked for, as long as the lease is `held`."""
        return await publish(lease, result, self.settings, self.storage, held)

    async def unpublish(self, published: Published) -> None:
        """Take them back."""
        await unpublish(published)


class TaskRun:
    """One attempt at a task. `stop` may come at any time, from the same event loop."""

    def __init__(
        self, lease: Lease, tools: WorkerTools, scratch: Scratch, clock: Callable[[], float]
    ) -> None:
        self.lease = lease
        self._clock = clock
        self.began = self.renewed = clock()
        self.ended = False
        self.commit: Commit | None = None
        """What to hand in, once it has ended; None: nobody waits for it."""
        self._tools = tools
        self._scratch = scratch
        self._progress = Progress(phase="fetch")
        self._estimator = ProgressEstimator()
        self._order: Order | None = None
        self._runner: asyncio.Task[Commit] | None = None
        self._stop: Stop | None = None
        self._publishing: asyncio.Future[Published] | None = None

    def start(self, on_end: Callable[[TaskRun], None]) -> asyncio.Task[Commit]:
        """Begin; `on_end` is called once, from the event loop, when nothing of it runs any more."""
        self._runner = asyncio.create_task(self._work())
        self._runner.add_done_callback(lambda _: self._finish(on_end))
        return self._runner

    def _finish(self, on_end: Callable[[TaskRun], None]) -> None:
        assert self._runner is not None
        self.ended = True
        self.commit = self._stopped() if self._runner.cancelled() else self._runner.result()
        on_end(self)

    def stop(self, why: Stop) -> None:
        """Stop the work; the first reason counts."""
        if self._stop is None and self._runner is not None and not self._runner.done():
            self._stop = why
            self._runner.cancel()

    def held(self) -> bool:
        """Whether the lease is this run's, as far as can be told without asking.

        A process that stood still does not know it from its timers, but from the clock.
        """
        return self._stop is None and self._clock() - self.renewed <= self.lease.ttl_s

    @property
    def published(self) -> bool:
        """Whether something of it is stored, or is just being stored."""
        publishing = self._publishing
        if publishing is None or not publishing.done():
            return publishing is not None
        return publishing.exception() is None and bool(publishing.result().outputs)

    async def take_back(self) -> None:
        """Delete what was published."""
        if self._publishing is not None:
            await asyncio.wait([self._publishing])
            if self._publishing.exception() is None:
                await self._tools.unpublish(self._publishing.result())
        self._publishing = None

    def report(self, now: float) -> Report:
        """How far it is."""
        estimate = self._estimator.estimate(self._progress, now)
        return Report(
            job_id=self.lease.job_id,
            task=self.lease.task,
            fence=self.lease.fence,
            progress=estimate.percent,
            phase=estimate.phase,
            speed=estimate.speed,
            eta_s=estimate.eta_s,
        )

    @property
    def queued_behind(self) -> bool:
        """Whether it is staged or being staged while another one runs."""
        return self._progress.phase == "fetch" or (
            self._order is not None
            and not self._order.done.done()
            and not self._tools.codec.runs(self._order)
        )

    @property
    def staging(self) -> bool:
        """Whether its inputs are still on their way."""
        return self._order is None and not self.ended

    @property
    def run_s(self) -> float:
        """How long the operation ran, in seconds; 0: it did not."""
        return self._order.run_s if self._order else 0.0

    @property
    def average_speed(self) -> float | None:
        """Media seconds a second, over the whole run."""
        if not self.run_s or not self._progress.done_s:
            return None
        return self._progress.done_s / self.run_s

    async def _work(self) -> Commit:
        lease = self.lease
        # This task's context is its own.
        bind_contextvars(job_id=lease.job_id, task=lease.task, fence=lease.fence)
        try:
            folder = self._scratch.open()
            try:
                return await self._produce(folder)
            finally:
                if not self._scratch.recycle(folder):
                    await asyncio.shield(self._scratch.discard(folder))
        except ReelyardError as error:
            return self._failed(error)
        except CodecCrashed as crash:
            return self._crashed(crash)
        except LeaseLost:
            return self._commit(Outcome.RETURNED)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return self._failed(StorageFull("the worker's disk is full"))
            return self._failed_unexpectedly(error)
        except Exception as error:  # noqa: BLE001 - the job must end, whatever it is
            return self._failed_unexpectedly(error)

    async def _produce(self, folder: AttemptFolder) -> Commit:
        lease = self.lease
        inputs = await self._tools.stage(lease, folder.inputs, self._progress)
        self._progress.phase, self._progress.fraction = "decode", 0.0
        self._order = Order(
            operation=lease.operation,
            params=lease.params,
            inputs=inputs,
            out_dir=str(folder.outputs),
            progress=self._progress,
            job_id=lease.job_id,
        )
        result = await self._tools.codec.run(self._order)
        outputs = []
        if result.files or lease.output is not None:
            outputs = (await self._publish(result)).outputs
        return Commit(
            job_id=lease.job_id,
            task=lease.task,
            fence=lease.fence,
            outcome=Outcome.SUCCEEDED,
            outputs=outputs,
            result=self._with_notes(result.data, inputs),
            sizing=self._order.sizing,
        )

    async def _publish(self, result: Result) -> Published:
        self._progress.phase, self._progress.fraction = "store", 0.0
        storing = self._tools.publish(self.lease, result, self.held)
        self._publishing = asyncio.ensure_future(storing)
        # A thread that copies can't be stopped: if this is cancelled, `take_back` sees to it.
        return await asyncio.shield(self._publishing)

    def _with_notes(self, data: dict[str, Any], inputs: Sequence[Source]) -> dict[str, Any]:
        if self.lease.note:
            data = data | {"note": self.lease.note}
        pairs = zip(self.lease.inputs, inputs, strict=False)
        notes = [note for location, source in pairs if (note := renamed(location, source))]
        return data | {"notes": [*(data.get("notes") or []), *notes]} if notes else data

    def _failed(self, error: ReelyardError) -> Commit:
        if error.internal:
            log.warning("attempt_failed", code=error.code, internal=error.internal)
        return self._commit(Outcome.FAILED, ErrorInfo.of(error))

    def _failed_unexpectedly(self, error: Exception) -> Commit:
        log.error("attempt_failed_unexpectedly", exc_info=error)
        told = {TRACEBACK: traceback_text(error)}
        return self._failed(ReelyardError(details=told, internal=repr(error)))

    def _crashed(self, crash: CodecCrashed) -> Commit:
        error: MediaError = WorkerCrashed(
            f"the codec process died while it ran {self.lease.operation}: {crash.how}"
        )
        return self._commit(Outcome.CRASHED, ErrorInfo.of(error))

    def _stopped(self) -> Commit | None:
        match self._stop:
            case Stop.ORDERED:
                return self._commit(Outcome.CANCELLED)
            case Stop.RETURNED | Stop.LOST:
                return self._commit(Outcome.RETURNED)
            case _:
                return None

    def _commit(self, outcome: Outcome, error: ErrorInfo | None = None) -> Commit:
        lease = self.lease
        sizing = self._order.sizing if self._order else ""
        return Commit(lease.job_id, lease.task, lease.fence, outcome, error=error, sizing=sizing)
