"""The Python client: over HTTP and directly over Ray, the same."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from reelyard import AsyncClient, Client, JobView, Settings, State, connect, request
from reelyard.cluster.errors import (
    AlreadyFinished,
    Cancelled,
    CorruptMedia,
    IdempotencyMismatch,
    MediaError,
    NotFound,
    NotReady,
    SourceNotFound,
    TimedOut,
    UnknownOperation,
    ValidationFailed,
)
from tests.live_server import LiveServer
from tests.paths import EXAMPLES

THUMBNAIL = {"preview_type": "thumbnail", "width": 64}


@pytest.fixture(scope="module", params=["http", "ray"])
def client(request: pytest.FixtureRequest, yard: LiveServer) -> Iterator[Client]:
    """A client of the running server, by either way."""
    if request.param == "http":
        with Client(yard.url) as over_http:
            yield over_http
    else:
        with connect(settings=Settings(data_dir=yard.data_dir)) as over_ray:
            yield over_ray


def test_a_job_is_submitted_waited_for_and_its_result_read(client: Client, clips: Path) -> None:
    job = client.submit("probe", clips / "clip.mp4", metadata={"shelf": "b4"})
    ended = client.wait(job, timeout_s=60)
    assert ended.ok
    assert ended.result()["duration_s"] == pytest.approx(2.0, abs=0.1)
    assert ended.metadata == {"shelf": "b4"}
    assert client.get(job.job_id).state is State.SUCCEEDED


def test_outputs_are_downloaded_whole(client: Client, clips: Path, tmp_path: Path) -> None:
    job = client.wait(client.submit("preview", clips / "clip.mp4", params=THUMBNAIL))
    (path,) = client.download(job, tmp_path / "new")
    assert path.stat().st_size == job.outputs[0].size
    assert path.read_bytes()[:2] == b"\xff\xd8"


def test_many_jobs_go_in_one_call_and_end_in_any_order(client: Client, clips: Path) -> None:
    jobs = client.submit_many("preview", [clips / "clip.mp4"] * 25, params=THUMBNAIL)
    assert len({job.job_id for job in jobs}) == 25
    ended = list(client.as_completed(jobs, timeout_s=90))
    assert {job.job_id for job in ended} == {job.job_id for job in jobs}
    assert all(job.ok for job in ended)
    assert [job.job_id for job in client.wait_all(jobs)] == [job.job_id for job in jobs]


def test_results_raise_what_went_wrong(client: Client, clips: Path) -> None:
    jobs = client.submit_many("probe", [clips / "clip.mp4", clips / "broken.mp4"])
    ended = client.wait_all(jobs, timeout_s=60)
    assert [job.state for job in ended] == [State.SUCCEEDED, State.FAILED]
    assert isinstance(ended[1].exception(), MediaError)
    with pytest.raises(MediaError):
        client.results(jobs)
    assert issubclass(CorruptMedia, MediaError)


def test_a_refused_request_raises_or_takes_the_jobs_place(client: Client, clips: Path) -> None:
    clip = clips / "clip.mp4"
    with pytest.raises(UnknownOperation):
        client.submit("sketch", clip)
    with pytest.raises(ValidationFailed, match="height"):
        client.submit("transcode", clip, params={"height": -1})
    requests = [request("probe", clip), request("preview", clip)]
    good, bad = client.submit_requests(requests, refused="return")
    assert isinstance(good, JobView)
    assert isinstance(bad, ValidationFailed)


def test_what_is_wrong_with_one_request_takes_that_jobs_place_only(
    client: Client, clips: Path
) -> None:
    clip = clips / "clip.mp4"
    requests = [request("probe", clip, pool="attic"), request("probe", clip)]
    bad, good = client.submit_requests(iter(requests), refused="return")
    assert isinstance(good, JobView)
    assert isinstance(bad, ValidationFailed)
    assert "cpu, gpu, light" in bad.message


def test_a_missing_file_is_its_own_jobs_fault(client: Client, clips: Path) -> None:
    wanted = [request("probe", clips / "none.mp4"), request("probe", clips / "clip.mp4")]
    missing, there = client.submit_requests(wanted, refused="return")
    if isinstance(missing, JobView):
        missing = client.wait(missing, timeout_s=60).exception() or missing
    assert isinstance(missing, SourceNotFound)
    assert isinstance(there, JobView)


def test_an_earlier_jobs_output_is_an_input(client: Client, clips: Path) -> None:
    thumbnail = client.wait(client.submit("preview", clips / "clip.mp4", params=THUMBNAIL))
    probe = client.submit("probe", f"job:{thumbnail.id}")
    assert client.wait(probe, timeout_s=60).result()["width"] == 64
    with pytest.raises(NotFound, match="'x'"):
        client.submit("probe", f"job:{thumbnail.id}/x")
    broken = client.wait(client.submit("probe", clips / "broken.mp4"))
    with pytest.raises(NotReady, match="failed"):
        client.submit("probe", f"job:{broken.id}")


def test_an_idempotency_key_covers_the_input_too(
    client: Client, clips: Path, request: pytest.FixtureRequest
) -> None:
    key = f"once-{request.node.callspec.id}"
    first = client.submit("probe", clips / "clip.mp4", idempotency_key=key)
    assert client.submit("probe", clips / "clip.mp4", idempotency_key=key).id == first.id
    with pytest.raises(IdempotencyMismatch):
        client.submit("probe", clips / "long.mp4", idempotency_key=key)


def test_jobs_are_given_by_id_or_view_in_any_iterable(
    client: Client, clips: Path, tmp_path: Path
) -> None:
    jobs = client.submit_many("preview", (clips / "clip.mp4" for _ in range(3)), params=THUMBNAIL)
    ids = [job.id for job in jobs]
    assert [job.id for job in client.wait_all(iter(ids), timeout_s=60)] == ids
    assert len(client.results(job for job in jobs)) == 3
    assert [
        job.id for job in client.progress(iter(ids), console=Console(file=io.StringIO()))
    ] == ids
    assert [path.name for path in client.download(ids[0], tmp_path)] == ["clip.jpg"]


def test_times_of_a_listing_are_checked(client: Client, clips: Path) -> None:
    made = client.submit("probe", clips / "clip.mp4")
    now = datetime.now(UTC)
    after, before = now - timedelta(hours=1), now + timedelta(hours=1)
    found = client.jobs(created_after=after, created_before=before, limit=1)
    assert [job.id for job in found] == [made.id]
    with pytest.raises(ValidationFailed):
        list(client.jobs(created_after="yesterday"))


def test_jobs_are_listed_newest_first_over_several_pages(client: Client, clips: Path) -> None:
    made = client.submit_many("export", [clips / "photo.jpg"] * 7)
    client.wait_all(made, timeout_s=60)
    listed = list(client.jobs(operation="export", state="succeeded", limit=7))
    assert [job.job_id for job in listed] == [job.job_id for job in reversed(made)]
    assert len(list(client.jobs(operation="export"))) >= 7


def test_a_running_job_is_cancelled_and_an_ended_one_is_not(client: Client, clips: Path) -> None:
    slow = {"codec": "h265", "preset": "veryslow"}
    job = client.submit("transcode", clips / "long.mp4", params=slow)
    with pytest.raises(TimedOut):
        client.wait(job, timeout_s=0.5)
    assert client.cancel(job).state is State.CANCELLED
    assert client.wait(job, timeout_s=10).state is State.CANCELLED
    with pytest.raises(Cancelled):
        client.results([job])
    done = client.wait(client.submit("probe", clips / "clip.mp4"))
    with pytest.raises(AlreadyFinished):
        client.cancel(done)


def test_an_unknown_job_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound):
        client.get("01900000-0000-7000-8000-000000000000")
    with pytest.raises(NotFound):
        list(client.as_completed(["01900000-0000-7000-8000-000000000000"]))


def test_progress_draws_a_bar_for_each_job(client: Client, clips: Path) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    jobs = client.submit_many("probe", [clips / "clip.mp4"] * 3)
    ended = client.progress(jobs, console=console)
    assert all(job.ok for job in ended)
    assert screen.getvalue().count("succeeded") >= 3
    assert "clip.mp4" in screen.getvalue()


def test_overview_tells_pools(client: Client) -> None:
    assert {"cpu", "light"} <= {pool["name"] for pool in client.overview()["pools"]}


async def test_the_asyncio_client_has_the_same_methods(yard: LiveServer, clips: Path) -> None:
    public = {name for name in dir(Client) if not name.startswith("_")}
    assert public == {name for name in dir(AsyncClient) if not name.startswith("_")}
    async with AsyncClient(yard.url) as client:
        jobs = await client.submit_many("probe", [clips / "clip.mp4"] * 3)
        ended = [job async for job in client.as_completed(jobs, timeout_s=60)]
        assert len(ended) == 3
        assert [job.ok for job in await client.wait_all(jobs)] == [True] * 3


def test_the_folder_tree_example_resumes_and_keeps_a_table(
    yard: LiveServer, clips: Path, tmp_path: Path
) -> None:
    def run() -> str:
        done = subprocess.run(
            [sys.executable, EXAMPLES / "thumbnail_tree.py", clips, tmp_path / "thumbs"],
            check=False,
            env=yard.env,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    def read() -> dict[str, dict[str, str]]:
        with (tmp_path / "thumbs/results.csv").open() as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == 3
        return {Path(line["path"]).name: line for line in lines}

    assert "3 videos, 0 done already" in run()
    rows = read()
    assert rows["clip.mp4"]["state"] == rows["long.mp4"]["state"] == "succeeded"
    assert rows["broken.mp4"]["state"] == "failed"
    assert (tmp_path / "thumbs/clip.mp4.jpg").stat().st_size == int(rows["clip.mp4"]["bytes"])
    assert "3 videos, 2 done already" in run()
    assert read() == rows
