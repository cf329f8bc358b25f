"""What is stored of an upload, and what follows from it: how far it has come, and where its bytes
lie. Pure.

An upload is a folder of objects, of which none is ever changed once it is there:

    info.json          what its creator told
    length             its length in bytes, where that came after the creation
    data-<offset>-<…>  bytes from that offset on, at most about 64 MiB; nobody's until committed
    commit-<offset>    which of the data at that offset counts

Offsets have 20 digits. A commit is created only where none is, so two writers at one offset can't
both win, and bytes that were acknowledged can't be taken back by whoever comes later. `writer-…`
and `stop-…` are signs between the processes that write: see `writers`. Uploads begun by earlier
versions have `part-<offset>`, whose bytes counted as soon as they were there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from reelyard.cluster.errors import Conflict, Forbidden, InvalidInput, NotReady, TooLarge
from reelyard.cluster.storage.protocol import ObjectInfo

PARTIAL = "partial"
"""The `Upload-Concat` of an upload that is to be a part of another."""
INFO = "info.json"
LENGTH = "length"
_ID = re.compile(r"([0-9a-f]{11})[A-Za-z0-9_-]{22}")
_NAME = re.compile(r"(commit|part)-(\d{20})|(writer)-([0-9a-f]+)")


class Part(msgspec.Struct, frozen=True):
    """Some of an upload's bytes."""

    name: str
    """Of the object in the upload's folder."""
    size: int


class Record(msgspec.Struct, frozen=True):
    """What is known of an upload from its creation on."""

    length: int | None = None
    """Bytes that it will have; None: the client will tell."""
    filename: str = ""
    content_type: str = ""
    metadata: dict[str, str] = {}
    concat: str = ""
    """The `Upload-Concat` of tus: `partial`, or `final;` and the URLs that it was made of."""
    parts: tuple[Part, ...] = ()
    """The bytes that were there at the creation: all, of an upload that came in one go."""


class UploadInfo(msgspec.Struct, frozen=True):
    """An upload as it stands."""

    upload_id: str
    owner: str
    prefix: str
    """The folder that holds it, ending in `/`."""
    length: int | None
    """Bytes that it will have; None: the client has not told yet."""
    offset: int
    """Bytes that have arrived."""
    filename: str
    content_type: str
    metadata: dict[str, str]
    """As the client sent it."""
    expires_ms: int
    concat: str = ""
    """`partial`, or `final;` and the URLs of those that it was made of, as the client sent them."""

    @property
    def complete(self) -> bool:
        """Whether every byte is there."""
        return self.offset == self.length

    @property
    def partial(self) -> bool:
        """Whether it is meant to be a part of another upload only."""
        return self.concat == PARTIAL

    @property
    def final(self) -> bool:
        """Whether it was made of others, and so takes no bytes."""
        return bool(self.concat) and not self.partial


@dataclass(frozen=True)
class Folder:
    """An upload's folder, as far as the names and sizes of its objects tell."""

    parts: tuple[Part, ...] = ()
    """Those of an earlier version that follow each other from byte 0 on."""
    commits: tuple[int, ...] = ()
    """Offsets, ascending."""
    has_length: bool = False
    writers: tuple[str, ...] = ()
    """The tokens of writers that have told other processes of themselves."""


def created_ms(upload_id: str) -> int | None:
    """When the upload was begun, in Unix milliseconds; None: that is no upload's id."""
    match = _ID.fullmatch(upload_id)
    return int(match[1], 16) if match else None


def commit_name(offset: int) -> str:
    """The name of the commit at `offset`."""
    return f"commit-{offset:020d}"


def data_name(offset: int, token: str) -> str:
    """The name of a writer's data from `offset` on."""
    return f"data-{offset:020d}-{token}"


def read_folder(objects: Iterable[ObjectInfo]) -> Folder:
    """What the listing of an upload's folder tells."""
    old: dict[int, Part] = {}
    commits: list[int] = []
    writers: list[str] = []
    has_length = False
    for info in objects:
        name = info.key.rsplit("/", 1)[-1]
        has_length = has_length or name == LENGTH
        match _NAME.fullmatch(name):
            case re.Match() as found if found[1] == "commit":
                commits.append(int(found[2]))
            case re.Match() as found if found[1] == "part":
                old[int(found[2])] = Part(name, info.size)
            case re.Match() as found:
                writers.append(found[4])
            case None:
                continue
    return Folder(follow((), old), tuple(sorted(commits)), has_length, tuple(writers))


def follow(parts: Sequence[Part], others: Mapping[int, Part]) -> tuple[Part, ...]:
    """`parts`, and those of `others` (by offset) that go on from there without a gap."""
    found = list(parts)
    offset = size_of(found)
    while (part := others.get(offset)) is not None and part.size:
        found.append(part)
        offset += part.size
    return tuple(found)


def size_of(parts: Iterable[Part]) -> int:
    """Bytes in all of them."""
    return sum(part.size for part in parts)


def check_offset(offset: int, arrived: int) -> None:
    """Raises `Conflict` unless a writer goes on where the upload stands."""
    if offset != arrived:
        raise Conflict(
            f"the upload stands at byte {arrived}, not {offset}", details={"offset": arrived}
        )


def check_size(length: int, max_bytes: int) -> None:
    """Raises `TooLarge` if an upload of `length` bytes is more than the server takes."""
    if length > max_bytes:
        raise TooLarge(
            f"an upload may have at most {max_bytes} bytes, not {length}",
            details={"max_bytes": max_bytes},
        )


def check_source(upload: UploadInfo) -> None:
    """Whether it can be joined with others: `InvalidInput` if not, `NotReady` if not yet."""
    if not upload.partial:
        raise InvalidInput(
            f"Upload-Concat: the upload {upload.upload_id} is not a partial one; only those that "
            "were created with `Upload-Concat: partial` can be joined"
        )
    if not upload.complete:
        of = "an unknown number of" if upload.length is None else upload.length
        raise NotReady(
            f"Upload-Concat: the upload {upload.upload_id} is not finished: {upload.offset} of "
            f"{of} bytes have arrived"
        )


def check_append(upload: UploadInfo, offset: int) -> None:
    """Raises `Forbidden` if it takes no bytes, `Conflict` if it is beyond `offset` already."""
    if upload.final:
        raise Forbidden("this upload was made of others: no bytes can be added to it")
    if offset < upload.offset:
        check_offset(offset, upload.offset)


def check_room(announced: int | None, most: int) -> None:
    """Raises `TooLarge` if a body of `announced` bytes (None: unknown) is too long already."""
    if announced is not None and announced > most:
        raise TooLarge(
            f"the request body has {announced} bytes; at most {most} are taken here",
            details={"max_bytes": most},
        )


def settle_length(known: int | None, told: int | None, arrived: int) -> int | None:
    """The length of an upload after a request that tells `told` (None: nothing).

    Raises `InvalidInput` if that is another than the one that is known, or less than what has
    arrived.
    """
    if told is None or told == known:
        return known
    if known is not None:
        raise InvalidInput(
            f"Upload-Length: the upload has been given {known} bytes, which can't become {told}"
        )
    if told < arrived:
        raise InvalidInput(f"Upload-Length: {told}, but {arrived} bytes are there already")
    return told


def joined(uploads: Sequence[Sequence[Part]]) -> list[tuple[str, Part]]:
    """The parts of several uploads as those of one: (name of the source, part of the whole)."""
    found: list[tuple[str, Part]] = []
    offset = 0
    for parts in uploads:
        for part in parts:
            found.append((part.name, Part(data_name(offset, "joined"), part.size)))
            offset += part.size
    return found
