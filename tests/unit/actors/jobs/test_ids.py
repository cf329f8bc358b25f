"""Job ids are ordered by time and have two spellings."""

from __future__ import annotations

import time
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs.ids import created_ms, first_id_at, from_ulid, new_id, parse_id, to_ulid
from reelyard.actors.testing.ids import id_at

TIMES = st.integers(0, (1 << 48) - 1)


def test_fresh_ids_rise_and_carry_their_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert ids == sorted(set(ids))
    assert all(before <= created_ms(job_id) <= after for job_id in ids)


@given(TIMES)
def test_an_id_made_for_a_time_is_a_uuid_7_of_that_time(ms: int) -> None:
    value = UUID(id_at(ms))
    assert (value.version, value.variant) == (7, "specified in RFC 4122")
    assert created_ms(str(value)) == ms
    assert first_id_at(ms) <= str(value)


@given(TIMES, TIMES)
def test_text_order_is_time_order(one: int, other: int) -> None:
    if one < other:
        assert id_at(one) < first_id_at(other) <= id_at(other)


@given(st.uuids())
def test_the_base_32_spelling_is_reversible_and_keeps_the_order(value: UUID) -> None:
    text = to_ulid(str(value))
    assert len(text) == 26
    assert from_ulid(text) == from_ulid(text.upper()) == str(value)


@given(st.uuids(), st.uuids())
def test_both_spellings_sort_alike(one: UUID, other: UUID) -> None:
    assert (str(one) < str(other)) == (to_ulid(str(one)) < to_ulid(str(other)))


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_none_and_never_an_error(text: str) -> None:
    for found in (parse_id(text), from_ulid(text)):
        assert found is None or str(UUID(found)) == found


@given(st.uuids())
def test_an_id_is_known_in_every_spelling(value: UUID) -> None:
    for text in (str(value), value.hex, str(value).upper(), f"job_{to_ulid(str(value))}"):
        assert parse_id(text) == str(value)


def test_text_beyond_128_bits_is_no_id() -> None:
    assert from_ulid("8" + "0" * 25) is None
