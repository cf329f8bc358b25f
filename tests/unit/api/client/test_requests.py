"""What the client takes, what it sends, and what it says of a server that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.jobs.model import State
from api.client.async_client import AsyncClient
from api.client.files import copy_file
from api.client.http_transport import BATCH_BYTES, packed
from api.client.request import InputLike, in_folder, request
from api.client.sync_client import Client
from api.client.transport import Transport
from api.client.views import JobView, OutputView
from cluster.errors import (
    Cancelled,
    InvalidInput,
    NotFound,
    NotReady,
    OutputUnwritable,
    SourceNotFound,
    SourceUnreadable,
    Unavailable,
    ValidationFailed,
)
from tests.live_server import file_host


@pytest.mark.parametrize("item", ["", None, 5, b"clip.mp4"])
def test_an_input_is_text_or_a_path(item: object) -> None:
    with pytest.raises(InvalidInput, match="neither a path nor a URL"):
        request("probe", [cast("InputLike", item)])


def test_outputs_of_the_same_name_are_refused_and_both_inputs_named() -> None:
    assert in_folder("out", ["a/x.mp4", Path("b/y.mp4")]) == "out/"
    assert in_folder("out/", []) == "out/"
    assert in_folder(None, ["x.mp4", "x.mp4"]) is None
    for inputs in (["a/x.mp4", Path("b/x.mkv")], ["a/x.mp4"] * 2):
        with pytest.raises(ValidationFailed, match=r"a/x\.mp4 and .*/x\.m.*same file in out/"):
            in_folder("out", inputs)


@pytest.mark.parametrize("one", ["clip.mp4", Path("clip.mp4")])
async def test_one_path_is_not_taken_for_several(one: Any) -> None:
    client = AsyncClient(transport=cast("Transport", None))
    with pytest.raises(ValidationFailed, match=r"as a list; not just 'clip\.mp4'"):
        await client.submit_many("probe", one)
    with pytest.raises(ValidationFailed, match="jobs: takes several"):
        await client.wait_all(one)


def test_a_result_is_there_only_once_a_job_has_succeeded() -> None:
    assert JobView("id", "probe", State.SUCCEEDED).result() == {}
    with pytest.raises(NotReady, match="running"):
        JobView("id", "probe", State.RUNNING).result()
    cancelled = JobView("id", "probe", State.CANCELLED)
    assert isinstance(cancelled.exception(), Cancelled)
    with pytest.raises(Cancelled):
        cancelled.result()


@given(st.lists(st.integers(0, BATCH_BYTES * 2), max_size=8))
def test_batches_keep_order_and_fit_a_request(sizes: list[int]) -> None:
    bodies = [{"n": number, "text": "x" * size} for number, size in enumerate(sizes)]
    parts = list(packed(bodies))
    assert [body for part in parts for body in part] == bodies
    for part in parts:
        assert part
        assert len(part) == 1 or sum(len(body["text"]) for body in part) <= BATCH_BYTES


@pytest.mark.parametrize(
    "url", ["localhost:8000", "yard", "", "ftp://yard", "http://[::1", "http://"]
)
def test_a_servers_url_is_checked_at_once(url: str) -> None:
    with pytest.raises(ValidationFailed, match="begins with http://"):
        Client(url)


def test_a_server_of_another_kind_is_told_from_reelyard(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "jobs").write_text("<html>")
    with file_host(tmp_path) as url, Client(url) as client:
        with pytest.raises(Unavailable, match="501"):
            client.cancel("some-job")
        with pytest.raises(NotFound, match="there is no job ''"):
            client.cancel("")
        with pytest.raises(NotFound, match="there is no API key ''"):
            client.revoke_key("")


def test_an_output_on_this_disk_is_copied_or_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(b"jpeg")
    copy_file(source, tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes() == b"jpeg"
    copy_file(source, source)
    assert source.read_bytes() == b"jpeg"
    with pytest.raises(OutputUnwritable, match="nowhere"):
        copy_file(source, tmp_path / "nowhere" / "c.jpg")
    with pytest.raises(SourceNotFound, match="gone"):
        copy_file(tmp_path / "gone.jpg", tmp_path / "c.jpg")


async def test_an_output_in_a_store_is_not_downloaded_over_http(tmp_path: Path) -> None:
    job = JobView("id", "image", State.SUCCEEDED)
    async with AsyncClient("http://127.0.0.1:1") as client:
        assert await client.download(job, tmp_path / "new") == []
        with pytest.raises(OutputUnwritable, match="can't be made"):
            await client.download(job, "/proc/nowhere")
        view = OutputView("a.jpg", "s3://media/a.jpg")
        with pytest.raises(SourceUnreadable, match="s3://media"):
            await client.transport.download(view, tmp_path / "a.jpg")
