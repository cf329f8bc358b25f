"""The looks at what a registry needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from reelyard.actors.registry import health_watch
from reelyard.actors.registry.health_watch import HealthWatch
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.settings import Settings


class Nobody:
    """No workers, and no use for any."""

    def present(self) -> int:
        return 0

    def full(self) -> int:
        return 0

    def wanted(self) -> bool:
        return False

    def paused_pools(self) -> list[str]:
        return []


def watch_of(folder: Path, storage: Callable[[], Awaitable[int | None]]) -> HealthWatch:
    async def store() -> int:
        return 1 << 40

    return HealthWatch(Settings(data_dir=folder), store, storage, Nobody(), lambda: 0)


async def test_a_look_that_fails_counts_until_the_next_and_tells_strangers_no_names(
    tmp_path: Path,
) -> None:
    errors: list[Exception] = [Unavailable("no bucket"), OSError("no route")]

    async def storage() -> int | None:
        if errors:
            raise errors.pop(0)
        return None

    watch = watch_of(tmp_path, storage)
    reasons = []
    for _ in range(3):
        await watch.look()
        reasons.append(next(part.reason for part in watch.health().parts if part.name == "storage"))
    assert reasons == [health_watch.NOT_USABLE, health_watch.NOT_USABLE, ""]
    assert watch.refusal() is None


async def test_a_look_that_hangs_counts_at_the_second_wait_and_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_watch, "LOOK_S", 0.01)
    begun, answer = 0, asyncio.Event()

    async def storage() -> int | None:
        nonlocal begun
        begun += 1
        await answer.wait()
        return None

    watch = watch_of(tmp_path, storage)
    await watch.look()
    assert watch.health().status == "ok"
    await watch.look()
    assert watch.health().status == "unavailable"
    assert isinstance(watch.refusal(), Unavailable)
    assert begun == 1
    answer.set()
    await watch.look()
    assert watch.health().status == "ok"
