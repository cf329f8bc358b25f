"""One contract, every store."""

from __future__ import annotations

import asyncio
import hashlib
import pickle
import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from reelyard.cluster.errors import BadRequest, Conflict, NotFound, TooLarge, Unavailable
from reelyard.cluster.storage import Storage, open_url
from reelyard.cluster.storage.local import LocalStorage
from tests.object_stores import BUCKET, client_of

MIB = 1 << 20


async def chunks_of(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def some_bytes(count: int) -> bytes:
    return random.Random(count).randbytes(count)


async def all_keys(storage: Storage) -> list[str]:
    return [info.key for info in await storage.list()]


@pytest.mark.parametrize("size", [0, 1, 70_000, 20 * MIB + 5])
async def test_a_stream_comes_back_as_it_was_put(storage: Storage, size: int) -> None:
    data = some_bytes(size)
    info = await storage.put_stream("a/b.bin", chunks_of(data, 100_000))
    assert (info.key, info.size) == ("a/b.bin", size)
    assert await storage.head("a/b.bin") == info
    back = b"".join([chunk async for chunk in storage.stream("a/b.bin")])
    assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("name", ["a b #12", "clip#7", "ü%41~?&=+.mp4", "日本 '\".webm"])
async def test_any_file_name_is_kept(storage: Storage, name: str) -> None:
    await storage.put(f"x/{name}", b"bytes")
    assert await all_keys(storage) == [f"x/{name}"]
    assert await storage.get(f"x/{name}") == b"bytes"


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (5, 9), (0, 3 * MIB), (2 * MIB, None), (99 * MIB, None), (4, 4)]
)
async def test_a_range_is_the_slice(storage: Storage, start: int, end: int | None) -> None:
    data = some_bytes(2 * MIB + 3)
    await storage.put("r", data)
    assert b"".join([c async for c in storage.stream("r", start, end)]) == data[start:end]


async def test_only_the_first_create_wins(storage: Storage) -> None:
    won = await asyncio.gather(*(storage.put_if_absent("one", b"%d" % i) for i in range(6)))
    assert won.count(True) == 1
    assert await storage.get("one") == b"%d" % won.index(True)


async def test_a_stream_over_the_cap_is_refused_and_leaves_nothing(storage: Storage) -> None:
    for size, cap in [(10, 9), (30 * MIB, 20 * MIB)]:
        with pytest.raises(TooLarge, match=str(cap)):
            await storage.put_stream("big", chunks_of(bytes(size), MIB), max_bytes=cap)
    assert await storage.head("big") is None
    assert await all_keys(storage) == []
    await storage.put_stream("big", chunks_of(bytes(10), 3), max_bytes=10)


async def test_a_stream_that_breaks_off_leaves_the_old_object(storage: Storage) -> None:
    await storage.put("k", b"old")

    async def broken() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(MIB)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await storage.put_stream("k", broken())
    assert await storage.get("k") == b"old"
    assert await all_keys(storage) == ["k"]


@pytest.mark.parametrize("existing", [True, False], ids=["replacing", "creating"])
async def test_a_slow_put_that_was_overtaken_takes_nothing_back(
    storage: Storage, existing: bool
) -> None:
    if existing:
        await storage.put("a/b", b"old")
    woken, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(data: bytes) -> AsyncIterator[bytes]:
        yield data
        begun.release()
        await woken.wait()

    puts = [
        asyncio.create_task(storage.put_stream("a/b", slow(data), unless_overtaken=True))
        for data in (b"slow", b"slower")
    ]
    for _ in puts:
        await begun.acquire()
    newer = await storage.put_stream("a/b", chunks_of(b"newer", 2), unless_overtaken=True)
    woken.set()
    for put in puts:
        with pytest.raises(Conflict):
            await put
    assert await storage.get("a/b") == b"newer"
    assert await storage.head("a/b") == newer
    await storage.put_stream("a/b", chunks_of(b"last", 2), unless_overtaken=True)
    assert [info.key for info in await storage.list()] == ["a/b"]
    assert await storage.get("a/b") == b"last"


async def test_a_cancelled_put_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield bytes(MIB)
        arrived.set()
        await asyncio.Event().wait()

    put = asyncio.create_task(storage.put_stream("k", endless()))
    await arrived.wait()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert await all_keys(storage) == []
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_files_go_in_and_out(storage: Storage, tmp_path: Path) -> None:
    source, target = tmp_path / "in.bin", tmp_path / "new" / "out.bin"
    source.write_bytes(data := some_bytes(9 * MIB))
    info = await storage.put_file("f/in.bin", source, content_type="video/mp4", filename="ü.mp4")
    assert info.size == len(data)
    assert source.exists()
    assert (await storage.download("f/in.bin", target)).size == len(data)
    assert target.read_bytes() == data
    await storage.put_file("g", source, consume=True)
    assert await storage.get("g") == data
    with pytest.raises(NotFound):
        await storage.put_file("f/none", tmp_path / "none")
    with pytest.raises(NotFound):
        await storage.download("f/none", tmp_path / "none")
    assert not (tmp_path / "none").exists()


async def test_what_is_missing_is_not_found(storage: Storage) -> None:
    assert await storage.head("no/thing") is None
    for call in (storage.get("no/thing"), storage.copy("no/thing", "x")):
        with pytest.raises(NotFound, match="no/thing"):
            await call
    with pytest.raises(NotFound):
        await anext(storage.stream("no/thing"))
    await storage.delete(["no/thing", "neither"])
    assert await storage.list("no") == []
    assert await storage.folders("no") == set()


async def test_lists_go_by_whole_segments(storage: Storage) -> None:
    for key in ("a/1", "a/b/2", "ab/3", "c"):
        await storage.put(key, b"x")
    assert [info.key for info in await storage.list("a")] == ["a/1", "a/b/2"]
    assert [info.key for info in await storage.list("a/")] == ["a/1", "a/b/2"]
    assert await storage.folders() == {"a", "ab"}
    assert await storage.folders("a/") == {"b"}
    await storage.delete(["a/1", "missing", "a/b/2"])
    assert await all_keys(storage) == ["ab/3", "c"]


async def test_a_copy_is_an_object_of_its_own(storage: Storage) -> None:
    await storage.put("a", b"one")
    await storage.copy("a", "d/b")
    await storage.put("a", b"two")
    assert await storage.get("d/b") == b"one"


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "a\\b", "a\nb", "a/\x00", "\ud800"],
)
async def test_keys_that_reach_outside_are_refused(storage: Storage, key: str) -> None:
    for call in (storage.put(key, b""), storage.get(key), storage.delete([key]), storage.head(key)):
        with pytest.raises(BadRequest):
            await call
    with pytest.raises(BadRequest):
        await storage.put_if_absent(key, b"")
    with pytest.raises(BadRequest):
        await anext(storage.stream(key))


async def test_a_store_can_be_sent_to_another_process(storage: Storage) -> None:
    await storage.put("a", b"1")
    sent: Storage = pickle.loads(pickle.dumps(storage))
    if storage.url == "memory://":
        # Memory without a name is the object's own.
        assert await sent.head("a") is None
    else:
        assert await sent.get("a") == b"1"


async def test_named_memory_is_one_store_in_a_process() -> None:
    await open_url("memory://shared-by-a-test").put("a", b"1")
    assert await open_url("memory://shared-by-a-test").get("a") == b"1"
    assert await open_url("memory://").head("a") is None


async def test_presigned_urls_work_with_any_client(s3_storage: Storage) -> None:
    put = await s3_storage.sign("PUT", "d/clip ü.mp4", 60)
    get = await s3_storage.sign("GET", "d/clip ü.mp4", 60)
    assert put is not None
    assert get is not None
    async with httpx2.AsyncClient() as client:
        answer = await client.put(put, content=b"0123456789", headers={"content-type": "video/mp4"})
        assert answer.status_code == 200
        answer = await client.get(get, headers={"range": "bytes=2-4"})
        assert (answer.status_code, answer.content) == (206, b"234")
    assert await s3_storage.get("d/clip ü.mp4") == b"0123456789"


async def test_presigned_answers_carry_type_and_name(s3_storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    await s3_storage.put_file("f", tmp_path / "f", content_type="video/mp4", filename="ü 1.mp4")
    url = await s3_storage.sign("GET", "f", 60)
    assert url is not None
    async with httpx2.AsyncClient() as client:
        headers = (await client.get(url)).headers
    assert headers["content-type"] == "video/mp4"
    assert headers["content-disposition"].endswith("filename*=UTF-8''%C3%BC%201.mp4")


async def test_stores_without_presigning_say_so(tmp_path: Path) -> None:
    for url in (tmp_path.as_uri(), "memory://"):
        assert await open_url(url).sign("GET", "a", 60) is None


async def test_broken_multipart_puts_leave_no_hidden_parts(
    s3_storage: Storage, s3_server: dict[str, str]
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield bytes(MIB)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await s3_storage.put_stream("k", broken())
    assert not client_of(s3_server).list_multipart_uploads(Bucket=BUCKET).get("Uploads")


async def test_a_store_that_is_away_is_unavailable(silent_url: str) -> None:
    storage = open_url("s3://b", {"endpoint": silent_url, "skip_signature": "true"})
    with pytest.raises(Unavailable) as caught:
        await storage.put("a", b"1")
    assert silent_url not in caught.value.message


async def test_a_missing_bucket_is_not_found(s3_server: dict[str, str]) -> None:
    with pytest.raises(NotFound):
        await open_url("s3://no-such-bucket", s3_server).put("a", b"1")


@pytest.mark.parametrize("url", ["ftp://x/y", "file:relative", "file://host/x", "/plain/path", ""])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(BadRequest):
        open_url(url)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(BadRequest, match="endpiont"):
        open_url("s3://b", {"endpiont": "http://localhost"})


def test_google_and_azure_urls_open() -> None:
    open_url("gs://bucket/prefix", {"skip_signature": "true"})
    open_url("az://container/prefix", {"account_name": "me", "skip_signature": "true"})


async def test_files_of_a_local_store_are_plain_files(tmp_path: Path) -> None:
    storage = open_url(tmp_path.as_uri())
    await storage.put("a/b/c.txt", b"hi")
    assert storage.local_path("a/b/c.txt") == tmp_path / "a/b/c.txt"
    assert (tmp_path / "a/b/c.txt").read_bytes() == b"hi"
    await storage.delete(["a/b/c.txt"])
    assert list(tmp_path.iterdir()) == []


async def test_leftovers_of_a_killed_writer_are_hidden_and_swept(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    (tmp_path / ".part-0123").write_bytes(b"half")
    assert await storage.list() == []
    assert storage.sweep_temp(before_ms=0) == 0
    assert storage.sweep_temp(before_ms=1 << 60) == 1
    assert list(tmp_path.iterdir()) == []


async def test_the_same_bytes_put_twice_at_once_are_no_conflict(tmp_path: Path) -> None:
    """A client whose first try was slow, and who sent the file again."""
    storage = open_url(tmp_path.as_uri())
    woken, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"same"
        begun.set()
        await woken.wait()

    first = asyncio.create_task(storage.put_stream("a", slow(), unless_overtaken=True))
    await begun.wait()
    again = await storage.put_stream("a", chunks_of(b"same", 2), unless_overtaken=True)
    woken.set()
    assert await first == again
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
