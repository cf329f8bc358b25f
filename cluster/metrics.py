"""Metrics for Prometheus, by way of Ray (`ray_reelyard_…` on Ray's metrics port).

Tags have few values: pool, operation, outcome, code. Never a job, a tenant or a file. Outside a
Ray process every call is a no-op, and Ray is not imported.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

Kind = Literal["Counter", "Gauge", "Histogram"]


class Metric:
    """A metric made on first use, once this process belongs to a Ray cluster."""

    def __init__(
        self,
        kind: Kind,
        name: str,
        description: str,
        tags: tuple[str, ...] = (),
        boundaries: tuple[float, ...] = (),
    ) -> None:
        self.kind = kind
        self.name = f"reelyard_{name}"
        self.description = description
        self.tags = tags
        self.boundaries = boundaries
        self._made: Any = None

    def add(self, value: float = 1.0, **tags: str) -> None:
        """Raise a counter by `value`, which must be positive to count."""
        if value > 0 and (made := self._get()) is not None:
            made.inc(value, tags=tags)

    def begin(self, **tags: str) -> None:
        """Let a counter be seen at nothing. Prometheus would miss its first rise otherwise."""
        if (made := self._get()) is not None:
            # Ray 2.60 refuses it by `inc`.
            made._record(0.0, tags)  # noqa: SLF001

    def set(self, value: float, **tags: str) -> None:
        """Set a gauge."""
        if (made := self._get()) is not None:
            made.set(value, tags=tags)

    def observe(self, value: float, **tags: str) -> None:
        """Count `value` into a histogram."""
        if (made := self._get()) is not None:
            made.observe(value, tags=tags)

    def _get(self) -> Any:
        if self._made is None:
            if "ray" not in sys.modules:
                return None
            import ray
            from ray.util import metrics

            if not ray.is_initialized():
                return None
            extra = {"boundaries": list(self.boundaries)} if self.kind == "Histogram" else {}
            self._made = getattr(metrics, self.kind)(
                self.name, description=self.description, tag_keys=self.tags, **extra
            )
        return self._made


QUEUE_DEPTH = Metric("Gauge", "queue_depth", "tasks that wait for a worker", ("pool",))
QUEUE_AGE = Metric("Gauge", "queue_age_seconds", "age of the oldest waiting task", ("pool",))
BACKLOG = Metric("Gauge", "backlog_seconds", "estimated work that waits", ("pool",))
RUNNING = Metric("Gauge", "running", "tasks that run", ("pool",))
WORKERS = Metric("Gauge", "workers", "workers that take tasks", ("pool",))
PART_OK = Metric("Gauge", "part_ok", "1: the part is well; see /healthz", ("part",))
FINISHED_PER_S = Metric("Gauge", "finished_per_second", "tasks finished, over a minute")
LEASE_EXPIRIES = Metric("Counter", "lease_expiries", "leases that ran out")
WORKERS_LOST = Metric("Counter", "workers_lost", "workers that died", ("pool",))

TASKS = Metric("Counter", "tasks_finished", "tasks that ended", ("pool", "operation", "outcome"))
FAILURES = Metric(
    "Counter", "task_failures", "tasks that failed, by error code", ("pool", "operation", "code")
)
TASK_SECONDS = Metric(
    "Histogram",
    "task_seconds",
    "time from lease to commit",
    ("pool", "operation"),
    (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 7200),
)
FRAMES = Metric("Counter", "frames", "video frames of finished outputs", ("pool", "operation"))
SPEED = Metric(
    "Histogram",
    "speed_x_real_time",
    "media seconds a second of finished tasks",
    ("pool", "operation"),
    (0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 500),
)
CODEC_ENDS = Metric(
    "Counter", "codec_process_ends", "codec processes that ended, by reason", ("pool", "reason")
)
