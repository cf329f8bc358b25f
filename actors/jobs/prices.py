"""The price of a job in credits, from its spec alone. Pure.

An operation names its own price (`@operation(credits=…)`); here is decided which operations of a
job are paid for. The plan asks, the registry charges (see `ledger`).
"""

from __future__ import annotations

from reelyard.actors.jobs.model import JobSpec
from reelyard.actors.media.catalogue import find_operation

FREE_DIALECTS = frozenset({"python"})
"""Whoever submits over Ray is on the cluster itself and is not billed."""

PRICED_WHOLE = frozenset({"ittybit"})
"""Dialects whose jobs cost what their operation costs: the probe before it and the export behind
it are not asked for one by one."""


def price_of(spec: JobSpec) -> int:
    """The sum over the job's tasks, or the price of its operation. Raises `UnknownOperation`."""
    if spec.dialect in FREE_DIALECTS:
        return 0
    tasks = [] if spec.dialect in PRICED_WHOLE else spec.tasks
    operations = [task.operation for task in tasks] or [spec.operation]
    return sum(find_operation(name).credits for name in operations)
