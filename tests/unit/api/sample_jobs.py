"""Jobs for tests of the wire shapes, made without a store."""

from __future__ import annotations

from typing import Any

from reelyard.actors.jobs.model import ErrorInfo, Job, OutputFile, State, Task
from reelyard.actors.testing.ids import id_at

CREATED_MS = 1_628_572_591_494
STARTED_MS = 1_628_572_592_000
FINISHED_MS = 1_628_572_620_074


def output_file(**changes: Any) -> OutputFile:
    fields: dict[str, Any] = {
        "name": "clip.webm",
        "url": "storage:tenants/t/jobs/j/optimize-1/clip.webm",
        "size": 312_000,
        "sha256": "0" * 64,
        "content_type": "video/webm",
        "kind": "video",
        "facts": {"format": "webm", "duration_s": 30.0, "width": 720, "height": 404},
    }
    return OutputFile(**(fields | changes))


def a_task(name: str, operation: str, state: State = State.QUEUED, **changes: Any) -> Task:
    fields: dict[str, Any] = {
        "name": name,
        "operation": operation,
        "params": {},
        "inputs": ["https://example.com/video.mp4"],
        "pool": "cpu",
        "state": state,
        "created_ms": CREATED_MS,
        "updated_ms": CREATED_MS,
    }
    return Task(**(fields | changes))


def a_job(state: State = State.QUEUED, operation: str = "enhance", **changes: Any) -> Job:
    started = state is not State.QUEUED
    fields: dict[str, Any] = {
        "id": id_at(CREATED_MS),
        "tenant": "t",
        "dialect": "v1",
        "operation": operation,
        "kind": "video",
        "input": "https://example.com/video.mp4",
        "params": {},
        "tasks": [a_task(operation, operation, state)],
        "created_ms": CREATED_MS,
        "state": state,
        "started_ms": STARTED_MS if started else None,
        "finished_ms": FINISHED_MS if state.terminal else None,
        "updated_ms": FINISHED_MS if state.terminal else CREATED_MS,
        "expires_ms": CREATED_MS + 31 * 86_400_000,
        "error": ErrorInfo("corrupt_media", "It is damaged") if state is State.FAILED else None,
    }
    return Job(**(fields | changes))
