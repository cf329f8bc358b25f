"""Memory between two tasks."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from reelyard.actors.worker.codec_process import memory as module
from reelyard.actors.worker.codec_process.memory import LONG_S, release


class Ring:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_rings_are_freed_and_what_survives_is_not_looked_at_again() -> None:
    gone = weakref.ref(Ring())
    kept = Ring()
    release()
    assert gone() is None
    assert kept.me is kept
    assert gc.get_freeze_count() > 1000
    assert not any(found is kept for found in gc.get_objects())


@pytest.mark.parametrize(("ran_s", "times"), [(0.01, 0), (LONG_S, 1)])
def test_memory_goes_back_to_the_system_after_long_tasks_only(
    monkeypatch: pytest.MonkeyPatch, ran_s: float, times: int
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(module, "_trim", calls.append)
    release(ran_s)
    assert len(calls) == times
