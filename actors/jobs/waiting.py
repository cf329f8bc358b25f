"""What keeps a queued job from being run, beyond its turn. Pure."""

from __future__ import annotations

from reelyard.actors.jobs.messages import Health
from reelyard.actors.jobs.model import Job, State


def waiting_for(job: Job, health: Health) -> str | None:
    """In words for its owner; None where it waits for its turn alone, or waits no more."""
    if job.state is not State.QUEUED:
        return None
    paused = sorted({task.pool for task in job.tasks} & set(health.paused_pools))
    if paused:
        return f"pool {', '.join(paused)} to be resumed: an operator has paused it"
    wrong = [f"{part.name}: {part.reason}" for part in health.parts if not part.ok]
    return "; ".join(wrong) or None
