"""The HTTP server's look at the keys of a cluster, before it binds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reelyard.actors.jobs.messages import KeySpec
from reelyard.actors.registry import start_registry
from reelyard.actors.registry.accounts.api_keys import new_key
from reelyard.api.cli import serve
from reelyard.api.serving import server
from reelyard.cluster.runtime.ray_cluster import start_embedded
from reelyard.cluster.settings import Settings

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data_dir=tmp_path_factory.mktemp("data"), cpus=2)


@pytest.fixture
def registry(settings: Settings) -> Iterator[Any]:
    with start_embedded(settings):
        yield start_registry(settings)


def test_the_server_and_the_command_count_revoked_keys_alike(
    registry: Any, settings: Settings
) -> None:
    import ray

    def answers() -> tuple[bool, bool]:
        return server._keys_are_needed(settings), serve._keys_are_needed(settings)

    assert answers() == (False, False)
    info = ray.get(registry.create_key.remote(KeySpec("acme", "laptop"), new_key()))
    assert answers() == (True, True)
    ray.get(registry.revoke_key.remote(info.key_id))
    assert answers() == (True, True)
