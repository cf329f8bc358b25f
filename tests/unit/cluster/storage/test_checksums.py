"""Checksums of bytes on their way."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import AsyncIterator

import pytest

from reelyard.cluster.errors import ChecksumMismatch
from reelyard.cluster.storage.checksums import ALGORITHMS, Checksum

CHUNKS = [b"hello ", b"", b"world"]
DIGESTS = {
    name: hashlib.new(name, b"hello world").digest() for name in ("sha1", "sha256", "sha512", "md5")
} | {"crc32": zlib.crc32(b"hello world").to_bytes(4, "big")}


async def pieces() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


def test_every_algorithm_is_tried_here() -> None:
    assert set(ALGORITHMS) == set(DIGESTS)
    assert {name: Checksum.size_of(name) for name in ALGORITHMS} == {
        name: len(digest) for name, digest in DIGESTS.items()
    }


def test_the_sha1_of_the_protocol_s_own_example_is_right() -> None:
    assert DIGESTS["sha1"].hex() == "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_bytes_pass_that_come_to_their_sum(algorithm: str) -> None:
    checksum = Checksum(algorithm, DIGESTS[algorithm])
    assert [chunk async for chunk in checksum.verified(pieces())] == CHUNKS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_others_are_found_out_behind_the_last(algorithm: str) -> None:
    chunks = Checksum(algorithm, bytes(len(DIGESTS[algorithm]))).verified(pieces())
    assert [await anext(chunks) for _ in CHUNKS] == CHUNKS
    with pytest.raises(ChecksumMismatch, match=algorithm):
        await anext(chunks)
