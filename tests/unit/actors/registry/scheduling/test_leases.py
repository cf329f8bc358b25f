from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.registry.scheduling.leases import Holding, LeaseBook


def holding(name: str, fence: int = 1, slot: str = "s", inc: str = "a", due: int = 10) -> Holding:
    return Holding((name, "t"), fence, slot, inc, "cpu", due)


def test_a_lease_expires_once_its_deadline_has_passed() -> None:
    book = LeaseBook()
    book.hold(holding("a"))
    assert book.expired(9) == []
    assert [h.key for h in book.expired(10)] == [("a", "t")]


def test_a_renewed_lease_lives_on() -> None:
    book = LeaseBook()
    book.hold(holding("a"))
    assert book.renew(("a", "t"), 1, 20)
    assert book.expired(15) == []
    assert book.next_deadline_steady_ms == 20
    assert len(book.expired(20)) == 1


def test_an_outdated_fence_renews_nothing() -> None:
    book = LeaseBook()
    book.hold(holding("a", fence=2))
    assert not book.renew(("a", "t"), 1, 99)
    assert not book.renew(("b", "t"), 1, 99)
    assert len(book.expired(10)) == 1


def test_an_expired_lease_that_is_not_released_comes_up_again() -> None:
    book = LeaseBook()
    book.hold(holding("a"))
    assert len(book.expired(10)) == 1
    assert book.expired(11) == []
    assert len(book.expired(2000)) == 1


def test_a_new_process_finds_what_its_predecessor_held() -> None:
    book = LeaseBook()
    book.hold(holding("a", inc="old"))
    book.hold(holding("b", inc="new"))
    book.hold(holding("c", inc=""))
    book.hold(holding("d", slot="other", inc="old"))
    assert [h.key[0] for h in book.left_behind("s", "new")] == ["a"]
    assert sorted(h.key[0] for h in book.of_incarnations({"old"})) == ["a", "d"]
    assert sorted(h.key[0] for h in book.of_slot("s")) == ["a", "b", "c"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["hold", "renew", "release", "expire"]),
            st.integers(0, 4),
            st.integers(1, 50),
        ),
        max_size=60,
    )
)
def test_only_leases_past_their_deadline_expire_and_each_is_found(
    writes: list[tuple[str, int, int]],
) -> None:
    book = LeaseBook()
    deadlines: dict[str, int] = {}
    now = fence = 0
    for what, number, time in writes:
        name = str(number)
        if what == "hold":
            fence += 1
            book.hold(holding(name, fence, due=now + time))
            deadlines[name] = now + time
        elif what == "renew" and name in deadlines:
            current = next(h.fence for h in book.holdings() if h.key[0] == name)
            assert book.renew((name, "t"), current, now + time)
            deadlines[name] = max(deadlines[name], now + time)
        elif what == "release":
            book.release((name, "t"))
            deadlines.pop(name, None)
        else:
            now += time
            found = {h.key[0] for h in book.expired(now)}
            assert found == {name for name, due in deadlines.items() if due <= now}
            for gone in found:
                book.release((gone, "t"))
                del deadlines[gone]
        assert len(book) == len(deadlines) == book.count("cpu")
