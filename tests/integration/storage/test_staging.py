"""Inputs in, outputs out: every kind of place, and everything that can be wrong with it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from actors.jobs.messages import Lease
from actors.media.operation import MediaFile, Result
from actors.worker.staging import publish, stage_inputs, unpublish
from cluster.errors import (
    EmptySource,
    LimitExceeded,
    OutputUnwritable,
    SourceForbidden,
    SourceNotFound,
    SourceUnreadable,
    StorageFull,
    UnsupportedOutput,
)
from cluster.settings import Settings
from cluster.storage import Storage, Uploads, disk
from tests.unit.cluster.loopback import loopback, status

from .conftest import BUCKET, client_of


def lease(*inputs: str, output: str | None = None, fence: int = 1) -> Lease:
    return Lease(
        job_id="job",
        task="transcode",
        fence=fence,
        tenant="t",
        operation="transcode",
        params={},
        inputs=list(inputs),
        output=output,
        ttl_s=30,
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., MediaFile]:
    """A file as an operation leaves it."""
    count = iter(range(1000))

    def make(name: str = "clip.mp4", data: bytes = b"video") -> MediaFile:
        folder = tmp_path / f"out-{next(count)}"
        folder.mkdir()
        (folder / name).write_bytes(data)
        return MediaFile(folder / name, kind="video", facts={"width": 2})

    return make


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


# --- inputs ---


async def test_a_file_on_this_machine_is_used_where_it_lies(
    tmp_path: Path, scratch: Path, settings: Settings, storage: Storage
) -> None:
    clip = tmp_path / "my clip #1.mp4"
    clip.write_bytes(b"x")
    staged = await stage_inputs(lease(clip.as_uri(), str(clip)), scratch, settings, storage)
    assert [(source.path, source.name) for source in staged] == [(clip, clip.name)] * 2
    assert files_below(scratch) == []


async def test_faulty_files_are_named(
    tmp_path: Path, scratch: Path, settings: Settings, storage: Storage
) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    cases: list[tuple[str, type[Exception], str]] = [
        (f"{tmp_path}/none.mp4", SourceNotFound, "none.mp4 does not exist"),
        (f"{tmp_path}/empty.mp4/x.mp4", SourceNotFound, "x.mp4 does not exist"),
        (str(tmp_path), SourceUnreadable, "is a folder"),
        (f"file://{tmp_path}/", SourceUnreadable, "is a folder"),
        (f"{tmp_path}/empty.mp4", EmptySource, "empty.mp4 is empty"),
        (f"{tmp_path}/loop.mp4", SourceUnreadable, "loop.mp4"),
        (f"{tmp_path}/pipe.mp4", SourceUnreadable, "not a regular file"),
        ("/proc/self/mem", SourceUnreadable, "/proc/self/mem can't be read"),
        ("/dev/zero", SourceUnreadable, "not a regular file"),
        (f"{tmp_path}/a\0b", SourceUnreadable, "can't be read"),
        ("file:relative.mp4", SourceUnreadable, "not an absolute path"),
        ("ftp://host/a.mp4", SourceForbidden, "unknown scheme"),
        ("storage:tenants/../../etc/passwd", SourceUnreadable, "can't be read"),
        ("storage:tenants/t/none.mp4", SourceNotFound, r"none\.mp4 does not exist"),
        ("storage:tenants/t/uploads/none/", SourceNotFound, "upload does not exist"),
        ("s3://", SourceUnreadable, "not the URL of an object"),
    ]
    for location, error, message in cases:
        with pytest.raises(error, match=message):
            await stage_inputs(lease(location), scratch, settings, storage)


async def test_an_upload_becomes_one_file_under_its_own_name(
    scratch: Path, settings: Settings, storage: Storage
) -> None:
    uploads = Uploads(storage, max_bytes=1 << 20, life_s=60)
    upload = await uploads.create("t", length=8, filename="../my clip.mp4")
    for piece in (b"012", b"34", b"567"):
        upload = await uploads.append(upload, upload.offset, pieces(piece))
    single = await uploads.receive("t", pieces(b"one"), filename="one.mov")
    told: list[tuple[int, int | None]] = []
    staged = await stage_inputs(
        lease(upload.location, single.location),
        scratch,
        settings,
        storage,
        lambda *args: told.append(args),
    )
    assert [(source.path.read_bytes(), source.name) for source in staged] == [
        (b"01234567", "my clip.mp4"),
        (b"one", "one.mov"),
    ]
    assert (8, 8) in told


async def test_an_unfinished_or_empty_upload_is_refused(
    scratch: Path, settings: Settings, storage: Storage
) -> None:
    uploads = Uploads(storage, max_bytes=1 << 20, life_s=60)
    part = await uploads.append(
        await uploads.create("t", length=8, filename="a.mp4"), 0, pieces(b"012")
    )
    with pytest.raises(SourceUnreadable, match=r"a\.mp4 is not complete: 3 of 8 bytes"):
        await stage_inputs(lease(part.location), scratch, settings, storage)
    empty = await uploads.create("t", length=0, filename="a.mp4")
    with pytest.raises(EmptySource):
        await stage_inputs(lease(empty.location), scratch, settings, storage)


async def test_a_stored_object_is_staged(
    scratch: Path, settings: Settings, storage: Storage
) -> None:
    await storage.put("tenants/t/jobs/j/x-1/a b.mp4", b"0123")
    [source] = await stage_inputs(
        lease("storage:tenants/t/jobs/j/x-1/a b.mp4"), scratch, settings, storage
    )
    assert (source.path.read_bytes(), source.name) == (b"0123", "a b.mp4")


async def test_a_url_is_fetched_under_the_name_that_it_tells(
    scratch: Path, tmp_path: Path, storage: Storage
) -> None:
    async with loopback() as site:
        site.answers |= {"/v/a.mp4": status(200, body=b"0123"), "/empty.mp4": status(200)}
        settings = Settings(data_dir=tmp_path, fetch_allow_hosts=[f"127.0.0.1:{site.port}"])
        base = f"http://127.0.0.1:{site.port}"
        twice = lease(f"{base}/v/a.mp4", f"{base}/v/a.mp4?again")
        one, two = await stage_inputs(twice, scratch, settings, storage)
        assert (one.name, two.name) == ("a.mp4", "a.mp4")
        assert one.path != two.path
        assert two.path.read_bytes() == b"0123"
        with pytest.raises(EmptySource, match=r"empty\.mp4"):
            await stage_inputs(lease(f"{base}/empty.mp4"), scratch, settings, storage)


async def test_objects_in_s3_are_staged_and_published(
    scratch: Path,
    tmp_path: Path,
    s3_server: dict[str, str],
    made: Callable[..., MediaFile],
) -> None:
    settings = Settings(data_dir=tmp_path, storage_options=s3_server, fetch_max_bytes=100)
    storage = Storage.open("memory://")
    folder = uuid4().hex
    s3 = client_of(s3_server)
    s3.put_object(Bucket=BUCKET, Key=f"{folder}/in 1.mp4", Body=b"0123")
    s3.put_object(Bucket=BUCKET, Key=f"{folder}/big.mp4", Body=bytes(101))
    [source] = await stage_inputs(
        lease(f"s3://{BUCKET}/{folder}/in 1.mp4"), scratch, settings, storage
    )
    assert (source.path.read_bytes(), source.name) == (b"0123", "in 1.mp4")
    with pytest.raises(LimitExceeded, match="101 bytes"):
        await stage_inputs(lease(f"s3://{BUCKET}/{folder}/big.mp4"), scratch, settings, storage)
    for place, key in [(f"{folder}/out/", "out/clip.mp4"), (f"{folder}/x.mp4", "x.mp4")]:
        [output] = await publish(
            lease(output=f"s3://{BUCKET}/{place}"), Result([made()]), settings, storage
        )
        assert output.url == f"s3://{BUCKET}/{folder}/{key}"
        head = s3.head_object(Bucket=BUCKET, Key=f"{folder}/{key}")
        assert head["ContentType"] == "video/mp4"
    with pytest.raises(OutputUnwritable, match="no-such-bucket"):
        await publish(lease(output="s3://no-such-bucket/a"), Result([made()]), settings, storage)


# --- outputs ---


async def test_outputs_go_to_own_storage_under_a_key_of_the_attempt(
    settings: Settings, storage: Storage, made: Callable[..., MediaFile]
) -> None:
    result = Result([made("a.mp4", b"one"), made("b.jpg", b"two")])
    outputs = await publish(lease(fence=7), result, settings, storage)
    assert [output.url for output in outputs] == [
        "storage:tenants/t/jobs/job/transcode-7/a.mp4",
        "storage:tenants/t/jobs/job/transcode-7/b.jpg",
    ]
    assert outputs[0].size == 3
    assert outputs[0].sha256 == hashlib.sha256(b"one").hexdigest()
    assert (outputs[0].content_type, outputs[0].facts) == ("video/mp4", {"width": 2})
    assert await storage.get(outputs[1].url.removeprefix("storage:")) == b"two"
    await unpublish(outputs, storage)
    assert await storage.list() == []


async def test_outputs_go_to_a_key_or_folder_of_own_storage(
    settings: Settings, storage: Storage, made: Callable[..., MediaFile]
) -> None:
    named = lease(output="storage:tenants/t/dlb/out/x #1.wav")
    [output] = await publish(named, Result([made()]), settings, storage)
    assert output.url == "storage:tenants/t/dlb/out/x #1.wav"
    assert output.name == "x #1.wav"
    folder = lease(output="storage:tenants/t/dlb/all/")
    outputs = await publish(folder, Result([made("a"), made("b")]), settings, storage)
    assert [output.name for output in outputs] == ["a", "b"]
    with pytest.raises(OutputUnwritable):
        await publish(lease(output="storage:a/../b"), Result([made()]), settings, storage)


async def test_a_file_appears_under_the_name_asked_for(
    tmp_path: Path, settings: Settings, storage: Storage, made: Callable[..., MediaFile]
) -> None:
    target = tmp_path / "new" / "deep" / "out #1.mp4"
    for output in (str(target), target.as_uri()):
        [file] = await publish(lease(output=output), Result([made()]), settings, storage)
        assert target.read_bytes() == b"video"
        assert (file.url, file.name) == (target.as_uri(), target.name)
        assert files_below(tmp_path / "new") == ["deep/out #1.mp4"]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_folder_takes_files_under_their_own_names(
    tmp_path: Path, settings: Settings, storage: Storage, made: Callable[..., MediaFile], slash: str
) -> None:
    folder = tmp_path / "results"
    if not slash:
        folder.mkdir()
    result = Result([made("a.mp4"), made("b.jpg")])
    await publish(lease(output=f"{folder}{slash}"), result, settings, storage)
    assert files_below(folder) == ["a.mp4", "b.jpg"]


async def test_several_files_are_refused_for_one_name_before_anything_is_written(
    tmp_path: Path, settings: Settings, storage: Storage, made: Callable[..., MediaFile]
) -> None:
    result = Result([made("a.mp4"), made("b.jpg")])
    for output in (f"{tmp_path}/x.mp4", "https://host/put", "storage:tenants/t/x"):
        with pytest.raises(UnsupportedOutput, match=r"a\.mp4, b\.jpg"):
            await publish(lease(output=output), result, settings, storage)
    assert not (tmp_path / "x.mp4").exists()


async def test_data_without_files_is_written_as_json(
    tmp_path: Path, settings: Settings, storage: Storage
) -> None:
    result = Result(data={"duration_s": 1.5, "name": "ü"})
    assert await publish(lease(), result, settings, storage) == []
    target = tmp_path / "probe.json"
    [output] = await publish(lease(output=str(target)), result, settings, storage)
    assert json.loads(target.read_text()) == result.data
    assert (output.content_type, output.kind) == ("application/json", "data")


async def test_an_unwritable_place_is_named_and_left_clean(
    tmp_path: Path, settings: Settings, storage: Storage, made: Callable[..., MediaFile]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder" / "x.mp4").mkdir(parents=True)
    for output, named in [
        (f"{tmp_path}/file/x.mp4", "file/x.mp4"),
        ("/proc/nowhere/x.mp4", "/proc/nowhere/x.mp4"),
        (f"{tmp_path}/{'n' * 300}.mp4", "nnn"),
        ("relative.mp4", "relative.mp4"),
        ("gopher://x/y", "gopher://x/y"),
    ]:
        with pytest.raises(OutputUnwritable, match=named):
            await publish(lease(output=output), Result([made()]), settings, storage)
    folder = lease(output=f"{tmp_path}/folder/")
    with pytest.raises(OutputUnwritable, match="is a folder"):
        await publish(folder, Result([made("a.mp4"), made("x.mp4")]), settings, storage)
    assert files_below(tmp_path / "folder") == []


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 64 KiB: to the writer it is like a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path,
    scratch: Path,
    settings: Settings,
    made: Callable[..., MediaFile],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disk, "_moved", lambda source, target: False)
    objects = tmp_path / "objects"
    storage = Storage.open(objects.as_uri())
    big = [made("a.mp4", b"small"), made("b.mp4", bytes(1 << 20))]
    remote = Storage.open("memory://full")
    await remote.put("b.mp4", bytes(1 << 20))
    with full_disk():
        for output in (None, f"{tmp_path}/results/"):
            with pytest.raises(StorageFull):
                await publish(lease(output=output), Result(big), settings, storage)
        with pytest.raises(StorageFull):
            await storage.put_stream("s", pieces(*[bytes(1 << 20)] * 3))
        with pytest.raises(StorageFull):
            await stage_inputs(lease("memory://full/b.mp4"), scratch, settings, storage)
    assert files_below(objects) == files_below(tmp_path / "results") == files_below(scratch) == []


async def test_the_leftover_of_a_killed_attempt_is_cleared_by_the_next(
    tmp_path: Path, settings: Settings, storage: Storage, made: Callable[..., MediaFile]
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name in ("x.mp4.part-1", "x.mp4.part-9", "y.mp4.part-1"):
        (folder / name).write_bytes(b"half")
    await publish(lease(output=f"{folder}/x.mp4", fence=2), Result([made()]), settings, storage)
    assert files_below(folder) == ["x.mp4", "x.mp4.part-9", "y.mp4.part-1"]


async def test_taking_back_spares_what_a_newer_attempt_has_put_there(
    tmp_path: Path, settings: Settings, storage: Storage, made: Callable[..., MediaFile]
) -> None:
    for output in (f"{tmp_path}/x.mp4", "storage:tenants/t/dlb/x.mp4"):
        asked: dict[str, Any] = {"output": output}
        old = await publish(lease(**asked), Result([made(data=b"old")]), settings, storage)
        new = await publish(lease(**asked, fence=2), Result([made()]), settings, storage)
        await unpublish(old, storage)
        there = await stage_inputs(lease(new[0].url), tmp_path, settings, storage)
        assert there[0].path.read_bytes() == b"video"
        await unpublish(new, storage)
        with pytest.raises(SourceNotFound):
            await stage_inputs(lease(new[0].url), tmp_path, settings, storage)


async def test_a_presigned_url_gets_the_file_and_its_signature_is_forgotten(
    tmp_path: Path, s3_server: dict[str, str], made: Callable[..., MediaFile]
) -> None:
    s3 = client_of(s3_server)
    key = f"{uuid4().hex}.mp4"
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key})
    host = s3_server["endpoint"].removeprefix("http://")
    settings = Settings(data_dir=tmp_path, fetch_allow_hosts=[host])
    storage = Storage.open("memory://")
    [output] = await publish(lease(output=url), Result([made()]), settings, storage)
    assert output.url == f"{s3_server['endpoint']}/{BUCKET}/{key}"
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"video"
    with pytest.raises(OutputUnwritable, match="public internet"):
        await publish(lease(output=url), Result([made()]), Settings(), storage)


async def test_the_event_loop_goes_on_while_files_are_hashed(
    tmp_path: Path, settings: Settings, storage: Storage, made: Callable[..., MediaFile]
) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    await publish(lease(), Result([made(data=bytes(32 << 20))]), settings, storage)
    counter.cancel()
    assert turns > 100
