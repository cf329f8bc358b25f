"""How many replicas the job API has."""

from __future__ import annotations

import pytest

from reelyard.api.serving.replicas import api_replicas
from reelyard.cluster.settings import Settings

GIB = 1 << 30


@pytest.mark.parametrize(
    ("setting", "memory_gib", "replicas"),
    [(None, 16, 2), (None, 4, 2), (None, 3.9, 1), (1, 16, 1), (3, 1, 3)],
)
def test_another_replica_comes_where_there_is_memory_or_as_the_operator_says(
    setting: int | None, memory_gib: float, replicas: int
) -> None:
    assert api_replicas(Settings(api_replicas=setting), memory_gib * GIB) == replicas
