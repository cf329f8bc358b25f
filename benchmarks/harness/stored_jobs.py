"""Job records of about the size that real ones have, for a store to be filled with."""

from __future__ import annotations

import asyncio
import random
import time

from reelyard.actors.jobs.locations import Stored
from reelyard.actors.jobs.model import Attempt, Change, Job, Outcome, OutputFile, State, Task
from reelyard.actors.jobs.object_keys import output_key
from reelyard.actors.registry.store.protocol import JobStore, Write
from reelyard.actors.testing.ids import id_at

START_MS = 1_790_000_000_000
STEP_MS = 40
BATCH = 1_000
KEPT_MS = 31 * 86_400_000
TENANT = "default"
INPUTS_OF = 40
"""Jobs that share an input."""

STATES = [(State.SUCCEEDED, 60), (State.FAILED, 15), (State.CANCELLED, 5), (State.QUEUED, 15)]
STATES.append((State.RUNNING, 5))
_WORK = [("transcode", "video", 30), ("transcode", "audio", 10), ("preview", "image", 30)]
_WORK += [("probe", "data", 20), ("image", "image", 10)]


def make_job(number: int, rng: random.Random) -> Job:
    """A job of about the size that real ones have."""
    at_ms = START_MS + number * STEP_MS
    operation, kind = rng.choices([w[:2] for w in _WORK], [w[2] for w in _WORK])[0]
    state = rng.choices([s for s, _ in STATES], [n for _, n in STATES])[0]
    source = f"https://media.example.org/clips/{number // INPUTS_OF}/master.mp4"
    job_id = id_at(at_ms)
    output = OutputFile(
        "master.mp4",
        str(Stored(output_key(TENANT, job_id, operation, 1, "master.mp4"))),
        1_234_567,
        "0123456789abcdef" * 4,
        "video/mp4",
        kind,
        {"width": 1280, "height": 720, "duration_s": 20.0, "fps": 30.0, "video_codec": "h264"},
    )
    done = state is State.SUCCEEDED
    attempt = Attempt(1, "media-cpu-1", "10.0.0.1", "cpu", at_ms + 5, at_ms + 900)
    attempt.outcome = Outcome.SUCCEEDED if done else Outcome.FAILED
    task = Task(
        operation,
        operation,
        {"format": "mp4", "codec": "h264", "width": 1280, "height": None, "quality": 23},
        [source],
        "cpu",
        state=state,
        attempts=[] if state is State.QUEUED else [attempt],
        outputs=[output] if done else [],
        created_ms=at_ms,
        updated_ms=at_ms + 900,
    )
    return Job(
        job_id,
        TENANT,
        "v1",
        operation,
        kind,
        source,
        {"format": "mp4", "width": 1280},
        [task],
        at_ms,
        state=state,
        metadata={"order": number},
        updated_ms=at_ms + 900,
        expires_ms=at_ms + KEPT_MS,
        outputs=[output] if done else [],
        rev=1,
        history=[Change(1, at_ms, State.QUEUED), Change(2, at_ms + 900, state)],
    )


async def fill(store: JobStore, jobs: int) -> float:
    """Write jobs in batches; how many a second."""
    rng = random.Random(jobs)
    began = time.perf_counter()
    waiting: list[asyncio.Future[list[bool]]] = []
    for start in range(0, jobs, BATCH):
        numbers = range(start, min(start + BATCH, jobs))
        waiting.append(store.write([Write(make_job(n, rng), 0) for n in numbers]))
        if len(waiting) == 4:
            assert all(await waiting.pop(0))
    for last in waiting:
        assert all(await last)
    return jobs / (time.perf_counter() - began)
