"""How many replicas the job API has: one at first, so that the start is short, and then those that
take over from one another."""

from __future__ import annotations

from reelyard.cluster.settings import Settings

FIRST_API_REPLICAS = 1
USUAL_API_REPLICAS = 2
ENOUGH_BYTES = 4 << 30
"""Below, the 150 MiB of another replica are better left to the codecs."""


def api_replicas(settings: Settings, memory_bytes: float) -> int:
    """How many there are to be on a cluster with so much memory."""
    if settings.api_replicas is not None:
        return settings.api_replicas
    return USUAL_API_REPLICAS if memory_bytes >= ENOUGH_BYTES else FIRST_API_REPLICAS
