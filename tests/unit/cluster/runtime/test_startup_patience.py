"""A start is given up when nothing moves, and told in one line."""

import pytest

from reelyard.cluster.errors import BadRequest, StartFailed
from reelyard.cluster.runtime.startup_patience import Patience, one_line, plain_failure


class Clock:
    """A clock that is set by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_as_long_as_something_moves_nothing_is_given_up() -> None:
    clock = Clock()
    patience = Patience("it", 10, clock)
    for step in range(100):
        clock.now_s += 9
        patience.note(step)


def test_what_stands_still_is_given_up() -> None:
    clock = Clock()
    patience = Patience("it", 10, clock)
    patience.note("starting")
    clock.now_s = 9
    patience.note("starting")
    clock.now_s = 11
    with pytest.raises(StartFailed, match="it did not start: nothing moved for 10 s"):
        patience.note("starting")


def test_to_start_over_for_ever_is_no_progress() -> None:
    clock = Clock()
    patience = Patience("it", 10, clock)
    for step in range(12):
        clock.now_s = step
        patience.note(step % 3)
    clock.now_s = 13
    with pytest.raises(StartFailed):
        patience.note(0)


def test_whatever_fails_is_told_in_one_line_with_a_code() -> None:
    with pytest.raises(StartFailed) as caught, plain_failure("the HTTP server"):
        raise RuntimeError("The actor died.\n\tclass_name: ProxyActor\n\nIt never ran.\n")
    assert caught.value.message == "the HTTP server could not be started: It never ran."
    assert caught.value.code == "start_failed"


def test_what_is_told_plainly_already_stays_so() -> None:
    with pytest.raises(BadRequest, match="port: 80"), plain_failure("the HTTP server"):
        raise BadRequest("port: 80 is in use")


def test_an_error_without_words_has_its_name() -> None:
    assert one_line(TimeoutError()) == "TimeoutError"
