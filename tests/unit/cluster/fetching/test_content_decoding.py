from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.fetching.content_decoding import PIECE_BYTES, ContentDecoder, ContentError

compressed = partial(gzip.compress, mtime=0)
"""The same bytes at any time."""

BODY = bytes(range(256)) * 40


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": compressed,
    "x-gzip": compressed,
    "deflate": zlib.compress,
    "identity": bytes,
}


def decoded(header: str, data: bytes, step: int = 7) -> bytes:
    decoder = ContentDecoder(header)
    pieces = [
        piece for at in range(0, len(data), step) for piece in decoder.decode(data[at : at + step])
    ]
    decoder.finish()
    return b"".join(pieces)


@given(
    st.binary(max_size=300),
    st.lists(st.sampled_from(sorted(ENCODERS)), max_size=4),
    st.integers(1, 400),
)
def test_any_stack_of_encodings_is_undone_however_it_arrives(
    body: bytes, names: list[str], step: int
) -> None:
    data = body
    for name in names:
        data = ENCODERS[name](data)
    assert decoded(", ".join(names), data, step) == body


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=4), st.integers(1, 50))
def test_all_members_of_a_gzip_body_are_read(parts: list[bytes], step: int) -> None:
    data = b"".join(map(compressed, parts))
    assert decoded("gzip", data, step) == b"".join(parts)
    assert decoded("GZIP", data + bytes(30), step) == b"".join(parts)


def test_deflate_is_read_with_its_frame_and_without() -> None:
    assert decoded("deflate", zlib.compress(BODY)) == BODY
    assert decoded("deflate", raw_deflate(BODY)) == BODY


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize(
    ("header", "whole"),
    [
        ("gzip", compressed(BODY)),
        ("gzip", compressed(BODY) + compressed(BODY)),
        ("gzip, gzip", compressed(compressed(BODY))),
        ("deflate", zlib.compress(BODY)),
        ("deflate", raw_deflate(BODY)),
    ],
)
def test_a_body_that_is_cut_anywhere_is_refused(header: str, whole: bytes, step: int) -> None:
    boundary = len(compressed(BODY))
    for length in {1, 2, 5, len(whole) // 2, len(whole) - 9, len(whole) - 1} - {boundary}:
        with pytest.raises(ContentError) as caught:
            decoded(header, whole[:length], step)
        assert caught.value.cut


def test_a_cut_inside_of_the_next_members_head_is_noticed() -> None:
    with pytest.raises(ContentError, match="cut off"):
        decoded("gzip", compressed(BODY) + compressed(BODY)[:1])


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        ("gzip", b"plain text", "not gzip"),
        ("gzip", compressed(BODY) + b"junk", "something else"),
        ("gzip", compressed(BODY) + bytes(4) + compressed(BODY), "something else"),
        ("gzip", compressed(BODY)[:-8] + bytes(8), "damaged"),
        ("deflate", b"\x78\x9c" + b"\xff" * 20, "damaged"),
        ("deflate", zlib.compress(BODY) + b"junk", "something else"),
    ],
)
def test_a_body_that_is_not_as_its_header_says_is_refused(
    header: str, data: bytes, reason: str
) -> None:
    with pytest.raises(ContentError, match=reason):
        decoded(header, data)


@pytest.mark.parametrize("header", ["br", "zstd", "gzip, br", "compress", "aes128gcm"])
def test_what_was_not_asked_for_and_is_not_known_is_named(header: str) -> None:
    with pytest.raises(ContentError, match=header.rpartition(" ")[2]):
        ContentDecoder(header)


def test_too_many_layers_are_refused() -> None:
    with pytest.raises(ContentError, match="5 times"):
        ContentDecoder(", ".join(["gzip"] * 5))


@pytest.mark.parametrize("header", ["", "identity", "identity, identity", " Identity ,,"])
def test_identity_any_number_of_times_changes_nothing(header: str) -> None:
    assert ContentDecoder(header).plain
    assert decoded(header, BODY) == BODY


def test_a_bomb_comes_in_pieces_of_a_limited_size() -> None:
    bomb = compressed(compressed(bytes(PIECE_BYTES * 8)))
    pieces = list(ContentDecoder("gzip, gzip").decode(bomb))
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert sum(map(len, pieces)) == PIECE_BYTES * 8


def test_an_empty_body_is_empty_in_any_encoding() -> None:
    assert decoded("gzip", b"") == b""
