"""The trial of a device that is not there."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from reelyard.actors.worker.capabilities import probe_capabilities


async def test_without_a_device_nothing_is_found_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with capture_logs() as lines:
        assert await probe_capabilities() == []
    assert lines == []


async def test_a_trial_that_takes_too_long_finds_nothing() -> None:
    with capture_logs() as lines:
        assert await probe_capabilities(timeout_s=0.01) == []
    assert [line["event"] for line in lines] == ["gpu_probe_failed"]
