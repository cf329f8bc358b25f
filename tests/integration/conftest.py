"""The stores under test: a folder, memory, and a real S3 server on loopback."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from reelyard.cluster.storage import Storage, open_url
from tests.object_stores import BUCKET


@pytest.fixture
def s3_storage(s3_server: dict[str, str]) -> Storage:
    return open_url(f"s3://{BUCKET}/{uuid4().hex}/sub", s3_server)


@pytest.fixture(params=["file", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "file":
        return open_url((tmp_path / "my objects").as_uri())
    if request.param == "memory":
        return open_url("memory://")
    store: Storage = request.getfixturevalue("s3_storage")
    return store
