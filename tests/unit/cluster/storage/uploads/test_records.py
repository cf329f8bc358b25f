"""What follows from the objects of an upload: offsets, lengths, joined parts."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.errors import Conflict, InvalidInput, TooLarge
from reelyard.cluster.storage import ObjectInfo
from reelyard.cluster.storage.uploads.records import (
    Part,
    Record,
    check_offset,
    check_room,
    check_size,
    commit_name,
    created_ms,
    data_name,
    follow,
    joined,
    read_folder,
    settle_length,
    size_of,
)

sizes = st.lists(st.integers(1, 1 << 40), max_size=12)
lengths = st.integers(0, 1 << 50)


def stored(name: str, size: int = 1) -> ObjectInfo:
    return ObjectInfo(f"tenants/t/uploads/x/{name}", size, 0, "")


def placed(each: list[int], start: int = 0) -> dict[int, Part]:
    """Parts of these sizes, one behind the other, by offset."""
    found = {}
    for size in each:
        found[start] = Part(data_name(start, "0a"), size)
        start += size
    return found


@given(sizes, sizes, st.data())
def test_parts_count_up_to_the_first_gap(
    old: list[int], new: list[int], data: st.DataObject
) -> None:
    first = follow((), placed(old))
    others = placed(new, size_of(first))
    assert size_of(follow(first, others)) == sum(old) + sum(new)
    if others:
        gap = data.draw(st.sampled_from(sorted(others)))
        left = {at: part for at, part in others.items() if at != gap}
        assert size_of(follow(first, left)) == gap


@given(sizes, sizes)
def test_a_listing_in_any_order_tells_the_same(old: list[int], new: list[int]) -> None:
    parts = follow((), {at: Part(f"part-{at:020d}", part.size) for at, part in placed(old).items()})
    commits = placed(new, sum(old))
    listing = [stored(part.name, part.size) for part in parts]
    listing += [stored(commit_name(at)) for at in commits]
    listing += [stored(part.name, part.size) for part in commits.values()]
    listing += [stored("info.json"), stored("writer-00ff"), stored("stop-00ff"), stored("length")]
    random.Random(1).shuffle(listing)
    folder = read_folder(listing)
    assert folder.parts == parts
    assert folder.commits == tuple(sorted(commits))
    assert folder.writers == ("00ff",)
    assert folder.has_length


def test_an_empty_folder_holds_nothing() -> None:
    folder = read_folder([])
    assert (folder.parts, folder.commits, folder.writers, folder.has_length) == ((), (), (), False)


def test_data_that_nobody_committed_does_not_count() -> None:
    folder = read_folder([stored("info.json"), stored(data_name(0, "0a"), 99)])
    assert (folder.parts, folder.commits) == ((), ())


@given(st.lists(sizes, max_size=5))
def test_joined_uploads_are_as_long_as_their_parts_and_have_no_gap(
    uploads: list[list[int]],
) -> None:
    sources = [
        [Part(f"{n}/{at}", part.size) for at, part in placed(each).items()]
        for n, each in enumerate(uploads)
    ]
    found = joined(sources)
    assert [name for name, _ in found] == [part.name for each in sources for part in each]
    offset = 0
    for (_, part), size in zip(found, [size for each in uploads for size in each], strict=True):
        assert part == Part(data_name(offset, "joined"), size)
        offset += size
    assert len({part.name for _, part in found}) == len(found)


@given(lengths, lengths)
def test_only_the_offset_at_which_an_upload_stands_is_right(offset: int, arrived: int) -> None:
    if offset == arrived:
        check_offset(offset, arrived)
    else:
        with pytest.raises(Conflict) as caught:
            check_offset(offset, arrived)
        assert caught.value.details == {"offset": arrived}


@given(st.none() | lengths, st.none() | lengths, lengths)
def test_a_length_is_set_once_and_never_below_what_is_there(
    known: int | None, told: int | None, arrived: int
) -> None:
    right = told is None or (told == known if known is not None else told >= arrived)
    if not right:
        with pytest.raises(InvalidInput, match="Upload-Length"):
            settle_length(known, told, arrived)
        return
    settled = settle_length(known, told, arrived)
    assert settled == (known if told is None else told)
    assert settle_length(settled, told, arrived) == settled


def test_too_much_is_refused_by_its_announcement() -> None:
    check_size(5, 5)
    check_room(None, 0)
    check_room(5, 5)
    with pytest.raises(TooLarge):
        check_size(6, 5)
    with pytest.raises(TooLarge):
        check_room(6, 5)


def test_a_record_of_an_earlier_version_opens() -> None:
    old = b'{"length":9,"filename":"a","content_type":"","metadata":{"k":"dg=="}}'
    assert msgspec.json.decode(old, type=Record) == Record(9, "a", "", {"k": "dg=="})


def test_an_id_that_is_none_has_no_date() -> None:
    assert created_ms(f"{5:011x}{'a' * 22}") == 5
    for text in ("", "x" * 33, f"{5:011x}", f"{5:011x}{'a' * 21}/"):
        assert created_ms(text) is None
