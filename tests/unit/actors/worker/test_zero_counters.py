"""Counters that are seen before they first rise."""

from __future__ import annotations

from typing import Any

import pytest

from reelyard.actors.media.catalogue import built_in_names, load_operations
from reelyard.actors.worker.codec_process.options import CodecOptions
from reelyard.actors.worker.codec_process.supervisor import worn_by
from reelyard.actors.worker.zero_counters import CODEC_END_REASONS, begin_counters
from reelyard.cluster.errors import CorruptMedia
from reelyard.cluster.metrics import Metric
from reelyard.cluster.settings import Settings


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []

    def begin(self: Metric, **tags: Any) -> None:
        assert set(tags) == set(self.tags)
        found.append((self.name, tags))

    monkeypatch.setattr(Metric, "begin", begin)
    begin_counters("cpu")
    return found


def test_each_operation_begins_with_no_failure_and_no_success(
    begun: list[tuple[str, dict[str, str]]],
) -> None:
    for operation in built_in_names():
        task = {"pool": "cpu", "operation": operation}
        assert ("reelyard_frames", task) in begun
        assert ("reelyard_tasks_finished", task | {"outcome": "succeeded"}) in begun
        assert ("reelyard_task_failures", task | {"code": CorruptMedia.code}) in begun


def test_the_names_of_operations_are_those_of_their_files() -> None:
    assert set(built_in_names()) <= load_operations().keys()


def test_the_reasons_for_which_a_codec_process_is_renewed_are_among_those_begun() -> None:
    options = CodecOptions.of(Settings(), 1)
    reasons = {worn_by(10**6, 1e9, 0, options), worn_by(0, 0.0, 1 << 60, options)}
    assert reasons <= set(CODEC_END_REASONS)
