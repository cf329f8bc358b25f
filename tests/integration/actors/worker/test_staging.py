"""Inputs in: every kind of place, and everything that can be wrong with it."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import pytest

from reelyard.actors.jobs.locations import Stored
from reelyard.actors.jobs.object_keys import uploads_prefix
from reelyard.actors.media.operation import Result
from reelyard.actors.worker.publishing import publish
from reelyard.actors.worker.staging import renamed, stage_inputs
from reelyard.cluster.errors import (
    EmptySource,
    LimitExceeded,
    OutputUnwritable,
    SourceForbidden,
    SourceNotFound,
    SourceUnreadable,
)
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage, Uploads, open_url
from tests.integration.actors.worker.leases import MakeFile, files_below, lease, outputs_of, pieces
from tests.object_stores import BUCKET, client_of
from tests.unit.cluster.fetching.loopback import loopback, status


async def test_a_file_on_this_machine_is_used_where_it_lies(
    tmp_path: Path, scratch: Path, settings: Settings, storage: Storage
) -> None:
    clip = tmp_path / "my clip #1.mp4"
    clip.write_bytes(b"x")
    staged = await stage_inputs(lease(clip.as_uri(), str(clip)), scratch, settings, storage)
    assert [(source.path, source.name) for source in staged] == [(clip, clip.name)] * 2
    assert files_below(scratch) == []


async def test_a_name_that_is_not_utf_8_or_too_long_is_fitted_and_the_change_told(
    tmp_path: Path, scratch: Path, settings: Settings, storage: Storage
) -> None:
    odd, long = tmp_path / os.fsdecode(b"caf\xe9 #1.mp4"), tmp_path / ("x" * 251 + ".mp4")
    odd.write_bytes(b"odd")
    long.write_bytes(b"long")
    held = lease(odd.as_uri(), str(long))
    sources = await stage_inputs(held, scratch, settings, storage)
    assert [source.path.read_bytes() for source in sources] == [b"odd", b"long"]
    for location, source in zip(held.inputs, sources, strict=True):
        str(source.path).encode()
        assert source.name.endswith(".mp4")
        assert len(source.name.encode()) <= 240
        assert source.name in (renamed(location, source) or "")
    (tmp_path / "a.mp4").write_bytes(b"x")
    (plain,) = await stage_inputs(lease(f"{tmp_path}/a.mp4"), scratch, settings, storage)
    assert renamed(f"{tmp_path}/a.mp4", plain) is None


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
    uploads = Uploads(storage, uploads_prefix, max_bytes=1 << 20, life_s=60)
    upload = await uploads.create("t", length=8, filename="../my clip.mp4")
    for piece in (b"012", b"34", b"567"):
        upload = await uploads.append(upload.owner, upload.upload_id, upload.offset, pieces(piece))
    single = await uploads.receive("t", pieces(b"one"), filename="one.mov")
    told: list[tuple[int, int | None]] = []
    staged = await stage_inputs(
        lease(str(Stored(upload.prefix)), str(Stored(single.prefix))),
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
    uploads = Uploads(storage, uploads_prefix, max_bytes=1 << 20, life_s=60)
    for length, of in ((8, "8"), (None, "an unknown number of")):
        part = await uploads.create("t", length=length, filename="a.mp4")
        await uploads.append("t", part.upload_id, 0, pieces(b"012"))
        with pytest.raises(SourceUnreadable, match=rf"a\.mp4 is not complete: 3 of {of} bytes"):
            await stage_inputs(lease(str(Stored(part.prefix))), scratch, settings, storage)
    empty = await uploads.create("t", length=0, filename="a.mp4")
    with pytest.raises(EmptySource):
        await stage_inputs(lease(str(Stored(empty.prefix))), scratch, settings, storage)


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
    make_file: MakeFile,
) -> None:
    settings = Settings(data_dir=tmp_path, storage_options=s3_server, fetch_max_bytes=100)
    storage = open_url("memory://")
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
        [output] = await outputs_of(
            lease(output=f"s3://{BUCKET}/{place}"), Result([make_file()]), settings, storage
        )
        assert output.url == f"s3://{BUCKET}/{folder}/{key}"
        head = s3.head_object(Bucket=BUCKET, Key=f"{folder}/{key}")
        assert head["ContentType"] == "video/mp4"
    with pytest.raises(OutputUnwritable, match="no-such-bucket"):
        await publish(
            lease(output="s3://no-such-bucket/a"), Result([make_file()]), settings, storage
        )
