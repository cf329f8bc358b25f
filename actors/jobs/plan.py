"""The plan of a job: a JobSpec checked completely, and made a Job with its task graph. Pure."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any

from reelyard.actors.jobs.ids import created_ms, new_id
from reelyard.actors.jobs.locations import (
    File,
    JobInputs,
    TaskOutputs,
    last_name,
    parse_location,
    parse_step_input,
    shown,
)
from reelyard.actors.jobs.model import Change, Job, JobSpec, State, Task, TaskSpec
from reelyard.actors.jobs.prices import price_of
from reelyard.actors.jobs.times import DAY_MS
from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Operation
from reelyard.cluster.errors import ValidationFailed
from reelyard.cluster.faults import wrong
from reelyard.cluster.storage.filenames import MAX_NAME_BYTES


def plan_job(spec: JobSpec, *, retention_ms: int = 31 * DAY_MS) -> Job:
    """The job that `spec` asks for, with its tasks, ready to submit.

    Raises `UnknownOperation`, `InvalidInput` or `ValidationFailed`: what can't work is refused
    here, before anything is accepted.
    """
    if not -100 <= spec.priority <= 100:
        raise _wrong(
            "priority",
            f"must lie between -100 and 100, not {spec.priority}",
            spec.priority,
            "-100 to 100",
        )
    price = price_of(spec)
    job_id = new_id()
    now = created_ms(job_id)
    steps = spec.tasks or [
        TaskSpec(
            name=spec.operation,
            operation=spec.operation,
            params=spec.params,
            inputs=[str(JobInputs())],
            output=spec.output,
        )
    ]
    tasks = [_plan_task(step, spec, steps, now) for step in steps]
    _refuse_cycles(tasks)
    main = next((task for task in tasks if task.operation == spec.operation), tasks[-1])
    main_operation = find_operation(main.operation)
    return Job(
        id=job_id,
        tenant=spec.tenant,
        dialect=spec.dialect,
        operation=spec.operation,
        kind=spec.kind or main_operation.kind(main_operation.parse(main.params)),
        input=spec.input or (spec.inputs[0] if spec.inputs else ""),
        params=spec.params if spec.params_sent is None else spec.params_sent,
        tasks=tasks,
        created_ms=now,
        output=spec.output_sent or spec.output,
        priority=spec.priority,
        metadata=spec.metadata,
        input_bytes=spec.input_bytes,
        extra=spec.extra,
        updated_ms=now,
        expires_ms=now + retention_ms,
        credits=price,
        history=[Change(seq=1, at_ms=now, state=State.QUEUED)],
    )


def _plan_task(step: TaskSpec, spec: JobSpec, steps: list[TaskSpec], now: int) -> Task:
    op = find_operation(step.operation)
    params = op.parse(infer_format(op, step.params, step.output))
    names = {other.name for other in steps}
    inputs: list[str] = []
    needs = list(step.needs)
    for location in step.inputs:
        match parse_step_input(location):
            case JobInputs():
                inputs.extend(spec.inputs)
            case TaskOutputs(task) as outputs:
                needs.append(task)
                inputs.append(str(outputs))
            case _:
                inputs.append(location)
    for needed in needs:
        if needed not in names or needed == step.name:
            there = sorted(names - {step.name})
            raise _wrong(
                "tasks", f"{step.name!r} needs {needed!r}, which is not there", needed, there
            )
    op.check_input_count(len(inputs))
    if step.output in inputs:
        raise _wrong("output", f"{step.output} is the input; it would be overwritten", step.output)
    _check_output_names(step.output)
    lane = op.lane(params)
    return Task(
        name=step.name,
        operation=step.operation,
        params=params.model_dump(mode="json"),
        inputs=inputs,
        pool=spec.pool if spec.pool and lane != "light" else lane,
        needs=list(dict.fromkeys(needs)),
        output=step.output,
        created_ms=now,
        updated_ms=now,
    )


def _check_output_names(output: str | None) -> None:
    """Refuse a path that no file system takes: the work would be done for nothing."""
    if output is None or not isinstance(place := parse_location(output), File):
        return
    if "\0" in place.path:
        raise _wrong("output", "a path holds no NUL character")
    for part in place.local.parts:
        if (size := len(os.fsencode(part))) > MAX_NAME_BYTES:
            words = f"{shown(part)} has {size} bytes; a name has at most {MAX_NAME_BYTES}"
            raise _wrong("output", words, part)


def infer_format(op: Operation, params: dict[str, Any], output: str | None) -> dict[str, Any]:
    """`params` with `format` taken from the output's suffix, where the operation has one.

    An output called `clip.webm` says as much as `format=webm`.
    """
    if not output or "format" in params or "format" not in op.params.model_fields:
        return params
    suffix = PurePosixPath(last_name(output)).suffix.lower().lstrip(".")
    suffix = {"jpg": "jpeg", "m4v": "mp4"}.get(suffix, suffix)
    return params | {"format": suffix} if suffix else params


def _wrong(
    field: str, words: str, value: object = None, allowed: str | list[str] | None = None
) -> ValidationFailed:
    return wrong(field, words, value, allowed, place="body")


def _refuse_cycles(tasks: list[Task]) -> None:
    if len({task.name for task in tasks}) != len(tasks):
        every = [task.name for task in tasks]
        twice = next(name for name in every if every.count(name) > 1)
        raise _wrong("tasks", f"two of them have the same name, {twice!r}", twice)
    done: set[str] = set()
    rest = list(tasks)
    while rest:
        ready = [task for task in rest if set(task.needs) <= done]
        if not ready:
            names = ", ".join(sorted(task.name for task in rest))
            raise _wrong("tasks", f"{names} wait for each other")
        done.update(task.name for task in ready)
        rest = [task for task in rest if task.name not in done]
