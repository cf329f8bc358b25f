"""Bounds and times of codec processes, from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from reelyard.actors.media.operation import Limits
from reelyard.actors.worker.codec_process.messages import Configure
from reelyard.cluster.settings import Settings


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


def configure_message(settings: Settings) -> Configure:
    """The first message to a codec process."""
    return Configure(
        operations=list(settings.operations),
        limits=limits_of(settings),
        memory_bytes=settings.codec_memory_bytes,
        file_bytes=settings.max_output_bytes,
    )


def limits_of(settings: Settings) -> Limits:
    """What media may ask of a worker."""
    return Limits(
        max_pixels=settings.max_pixels,
        max_streams=settings.max_streams,
        max_duration_s=settings.max_duration_s,
        max_frames=settings.max_frames,
        max_output_bytes=settings.max_output_bytes,
    )
