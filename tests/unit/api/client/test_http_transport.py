"""The transport over HTTP: its batches, and what it says of a server that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs.model import State
from reelyard.api.client.async_client import AsyncClient
from reelyard.api.client.http_transport import BATCH_BYTES, check_key, packed
from reelyard.api.client.sync_client import Client
from reelyard.api.client.views import JobView, OutputView
from reelyard.cluster.errors import (
    NotFound,
    OutputUnwritable,
    SourceUnreadable,
    Unavailable,
    ValidationFailed,
)
from tests.live_server import file_host


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


@pytest.mark.parametrize("key", ["a\nb", "sch\u00fcssel", "a\x00"])
def test_a_key_that_no_header_can_carry_is_refused_at_once_and_not_shown(key: str) -> None:
    with pytest.raises(ValidationFailed, match=r"^key: ") as caught:
        check_key(key)
    assert key not in str(caught.value)
    assert check_key("ry_abc\n") == "ry_abc"


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


async def test_an_output_in_a_store_is_not_downloaded_over_http(tmp_path: Path) -> None:
    job = JobView("id", "image", State.SUCCEEDED)
    async with AsyncClient("http://127.0.0.1:1") as client:
        assert await client.download(job, tmp_path / "new") == []
        with pytest.raises(OutputUnwritable, match="can't be made"):
            await client.download(job, "/proc/nowhere")
        view = OutputView("a.jpg", "s3://media/a.jpg")
        with pytest.raises(SourceUnreadable, match="s3://media"):
            await client.transport.download(view, tmp_path / "a.jpg")
