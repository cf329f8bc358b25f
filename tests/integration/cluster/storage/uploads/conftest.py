"""Uploads on every store, with a clock that tests turn."""

from __future__ import annotations

import pytest

from reelyard.cluster.storage import Storage, Uploads

from .upload_calls import Clock, folder_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(storage: Storage, clock: Clock) -> Uploads:
    return Uploads(storage, folder_of, max_bytes=1 << 20, life_s=3600, now_ms=clock)
