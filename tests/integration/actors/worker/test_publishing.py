"""Outputs out: every kind of place, and everything that can be wrong with it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from reelyard.actors.jobs.locations import file_path
from reelyard.actors.media.operation import Result
from reelyard.actors.worker.destinations import LeaseLost
from reelyard.actors.worker.publishing import publish, unpublish
from reelyard.actors.worker.staging import stage_inputs
from reelyard.cluster.errors import (
    OutputUnwritable,
    SourceNotFound,
    StorageFull,
    UnsupportedOutput,
)
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage, atomic_files, local, open_url
from tests.integration.actors.worker.leases import MakeFile, files_below, lease, outputs_of, pieces
from tests.object_stores import BUCKET, client_of


async def test_outputs_go_to_own_storage_under_a_key_of_the_attempt(
    settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    result = Result([make_file("a.mp4", b"one"), make_file("b.jpg", b"two")])
    published = await publish(lease(fence=7), result, settings, storage)
    outputs = published.outputs
    assert [output.url for output in outputs] == [
        "storage:tenants/t/jobs/job/transcode-7/a.mp4",
        "storage:tenants/t/jobs/job/transcode-7/b.jpg",
    ]
    assert outputs[0].size == 3
    assert outputs[0].sha256 == hashlib.sha256(b"one").hexdigest()
    assert (outputs[0].content_type, outputs[0].facts) == ("video/mp4", {"width": 2})
    assert await storage.get(outputs[1].url.removeprefix("storage:")) == b"two"
    await unpublish(published)
    assert await storage.list() == []


async def test_outputs_go_to_a_key_or_folder_of_own_storage(
    settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    named = lease(output="storage:tenants/t/dlb/out/x #1.wav")
    [output] = await outputs_of(named, Result([make_file()]), settings, storage)
    assert output.url == "storage:tenants/t/dlb/out/x #1.wav"
    assert output.name == "x #1.wav"
    folder = lease(output="storage:tenants/t/dlb/all/")
    outputs = await outputs_of(folder, Result([make_file("a"), make_file("b")]), settings, storage)
    assert [output.name for output in outputs] == ["a", "b"]
    with pytest.raises(OutputUnwritable):
        await publish(lease(output="storage:a/../b"), Result([make_file()]), settings, storage)


async def test_a_file_appears_under_the_name_asked_for(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    target = tmp_path / "new" / "deep" / "out #1.mp4"
    for output in (str(target), target.as_uri()):
        [file] = await outputs_of(lease(output=output), Result([make_file()]), settings, storage)
        assert target.read_bytes() == b"video"
        assert (file.url, file.name) == (target.as_uri(), target.name)
        assert files_below(tmp_path / "new") == ["deep/out #1.mp4"]


async def test_a_file_may_have_any_name_that_a_disk_takes(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    for name in ("x" * 251 + ".mp4", os.fsdecode(b"caf\xe9 #1.mp4")):
        held = lease(output=(tmp_path / name).as_uri())
        [output] = await outputs_of(held, Result([make_file("a.mp4", b"one")]), settings, storage)
        assert file_path(output.url) == tmp_path / name
        assert (tmp_path / name).read_bytes() == b"one"
        output.name.encode()


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_folder_takes_files_under_their_own_names(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile, slash: str
) -> None:
    folder = tmp_path / "results"
    if not slash:
        folder.mkdir()
    result = Result([make_file("a.mp4"), make_file("b.jpg")])
    await publish(lease(output=f"{folder}{slash}"), result, settings, storage)
    assert files_below(folder) == ["a.mp4", "b.jpg"]


async def test_several_files_are_refused_for_one_name_before_anything_is_written(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    result = Result([make_file("a.mp4"), make_file("b.jpg")])
    for output in (f"{tmp_path}/x.mp4", "https://host/put", "storage:tenants/t/x"):
        with pytest.raises(UnsupportedOutput, match=r"a\.mp4, b\.jpg"):
            await publish(lease(output=output), result, settings, storage)
    assert not (tmp_path / "x.mp4").exists()


async def test_data_without_files_is_written_as_json(
    tmp_path: Path, settings: Settings, storage: Storage
) -> None:
    result = Result(data={"duration_s": 1.5, "name": "ü"})
    assert await outputs_of(lease(), result, settings, storage) == []
    target = tmp_path / "probe.json"
    [output] = await outputs_of(lease(output=str(target)), result, settings, storage)
    assert json.loads(target.read_text()) == result.data
    assert (output.content_type, output.kind) == ("application/json", "data")


async def test_an_unwritable_place_is_named_and_left_clean(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
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
            await publish(lease(output=output), Result([make_file()]), settings, storage)
    folder = lease(output=f"{tmp_path}/folder/")
    with pytest.raises(OutputUnwritable, match="is a folder"):
        await publish(folder, Result([make_file("a.mp4"), make_file("x.mp4")]), settings, storage)
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
    make_file: MakeFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As if the scratch folder were on another disk.
    monkeypatch.setattr(atomic_files, "_moved", lambda source, target: False)
    monkeypatch.setattr(local, "_move_in", lambda source, path: False)
    objects = tmp_path / "objects"
    storage = open_url(objects.as_uri())
    big = [make_file("a.mp4", b"small"), make_file("b.mp4", bytes(1 << 20))]
    remote = open_url("memory://full")
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
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    stay = ["x.mp4.part-job-9", "x.mp4.part-other-1", "y.mp4.part-job-1"]
    for name in ("x.mp4.part-job-1", *stay):
        (folder / name).write_bytes(b"half")
    await publish(
        lease(output=f"{folder}/x.mp4", fence=2), Result([make_file()]), settings, storage
    )
    assert files_below(folder) == ["x.mp4", *stay]


async def test_an_output_never_replaces_its_own_input(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    file = make_file()
    source = folder / file.path.name
    source.write_bytes(b"source")
    for output in (f"{folder}/", f"{tmp_path}/link/{source.name}"):
        wanted = lease("https://media.test/a", source.as_uri(), output=output)
        with pytest.raises(OutputUnwritable, match="is the input"):
            await publish(wanted, Result([file]), settings, storage)
    assert source.read_bytes() == b"source"
    assert files_below(folder) == [source.name]


async def test_taking_back_spares_what_a_newer_attempt_has_put_there(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    for output in (f"{tmp_path}/x.mp4", "storage:tenants/t/dlb/x.mp4"):
        asked: dict[str, Any] = {"output": output}
        old = await publish(lease(**asked), Result([make_file(data=b"old")]), settings, storage)
        new = await publish(lease(**asked, fence=2), Result([make_file()]), settings, storage)
        await unpublish(old)
        there = await stage_inputs(lease(new.outputs[0].url), tmp_path, settings, storage)
        assert there[0].path.read_bytes() == b"video"
        await unpublish(new)
        with pytest.raises(SourceNotFound):
            await stage_inputs(lease(new.outputs[0].url), tmp_path, settings, storage)


async def test_an_attempt_whose_lease_ran_out_replaces_nothing(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    for output in (f"{tmp_path}/y.mp4", "storage:tenants/t/dlb/y.mp4"):
        asked: dict[str, Any] = {"output": output}
        new = await publish(lease(**asked, fence=2), Result([make_file()]), settings, storage)
        late = Result([make_file(data=b"old")])
        with pytest.raises(LeaseLost):
            await publish(lease(**asked), late, settings, storage, lambda: False)
        there = await stage_inputs(lease(new.outputs[0].url), tmp_path, settings, storage)
        assert there[0].path.read_bytes() == b"video"
    assert [path.name for path in tmp_path.glob("y.mp4*")] == ["y.mp4"]


async def test_taking_back_spares_a_newer_file_of_the_same_bytes(
    settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    asked: dict[str, Any] = {"output": "storage:tenants/t/dlb/x.mp4"}
    old = await publish(lease(**asked), Result([make_file()]), settings, storage)
    # S3 tells times in whole seconds.
    await asyncio.sleep(1.05 - time.time() % 1 if storage.url.startswith("s3:") else 0.01)
    await publish(lease(**asked, fence=2), Result([make_file()]), settings, storage)
    await unpublish(old)
    assert await storage.get("tenants/t/dlb/x.mp4") == b"video"


async def test_a_presigned_url_gets_the_file_and_its_signature_is_forgotten(
    tmp_path: Path, s3_server: dict[str, str], make_file: MakeFile
) -> None:
    s3 = client_of(s3_server)
    key = f"{uuid4().hex}.mp4"
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key})
    host = s3_server["endpoint"].removeprefix("http://")
    settings = Settings(data_dir=tmp_path, fetch_allow_hosts=[host])
    storage = open_url("memory://")
    [output] = await outputs_of(lease(output=url), Result([make_file()]), settings, storage)
    assert output.url == f"{s3_server['endpoint']}/{BUCKET}/{key}"
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"video"
    with pytest.raises(OutputUnwritable, match="public internet"):
        await publish(lease(output=url), Result([make_file()]), Settings(), storage)


async def test_the_event_loop_goes_on_while_files_are_hashed(
    tmp_path: Path, settings: Settings, storage: Storage, make_file: MakeFile
) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    await publish(lease(), Result([make_file(data=bytes(32 << 20))]), settings, storage)
    counter.cancel()
    assert turns > 100
