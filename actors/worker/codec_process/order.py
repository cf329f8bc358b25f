"""What a worker tells its codec process to do, and within which bounds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from actors.media.operation import Limits, Progress, Result, Source
from actors.worker.codec_process.messages import Configure, RunTask
from cluster.errors import ReelyardError
from cluster.settings import Settings


@dataclass(frozen=True)
class CodecOptions:
    """Bounds and times of a codec process; times in seconds, sizes in bytes."""

    stall_s: float
    task_s: float
    cancel_grace_s: float
    max_tasks: int
    max_growth_bytes: int
    cpu_s: float
    """CPU seconds of one task."""
    least_life_s: float = 30.0
    """Short tasks alone do not wear a process out sooner than that."""

    @classmethod
    def of(cls, settings: Settings, threads: int) -> CodecOptions:
        """As the settings say."""
        return cls(
            stall_s=settings.stall_timeout_s,
            task_s=settings.task_timeout_s,
            cancel_grace_s=settings.cancel_grace_s,
            max_tasks=settings.codec_max_tasks,
            max_growth_bytes=settings.codec_max_growth_bytes,
            # Its threads can't use more than this before the time is up.
            cpu_s=settings.task_timeout_s * (threads + 1),
        )


def configure_message(settings: Settings, threads: int) -> Configure:
    """What a codec process is told at its start."""
    return Configure(
        operations=list(settings.operations),
        threads=threads,
        limits=Limits(
            max_pixels=settings.max_pixels,
            max_streams=settings.max_streams,
            max_duration_s=settings.max_duration_s,
            max_frames=settings.max_frames,
            max_output_bytes=settings.max_output_bytes,
        ),
        memory_bytes=settings.codec_memory_bytes,
        file_bytes=settings.max_output_bytes,
    )


@dataclass(eq=False)
class Order:
    """A task on its way through the codec process."""

    operation: str
    params: dict[str, Any]
    inputs: list[Source]
    out_dir: str
    progress: Progress = field(default_factory=Progress)
    job_id: str = ""
    """For the log."""
    id: int = 0
    sent: bool = False
    killed_for: ReelyardError | None = None
    run_s: float = 0.0
    """How long it ran, once it has."""
    done: asyncio.Future[Result] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def message(self, cpu_s: float) -> RunTask:
        """For the codec process; `cpu_s`: CPU seconds that it may use."""
        return RunTask(
            id=self.id,
            operation=self.operation,
            params=self.params,
            inputs=[(str(source.path), source.name) for source in self.inputs],
            out_dir=self.out_dir,
            cpu_s=cpu_s,
        )
