"""`/v1` as it is served: what only shows with real processes and a real proxy in between."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.dialects.fixture_types import Json
from tests.live_server import LiveServer
from tests.server_sent_events import EventReader

MIB = 1 << 20


@pytest.fixture(scope="module")
def session(server: LiveServer) -> Iterator[requests.Session]:
    """An admin's session."""
    with requests.Session() as session:
        made = server.cli("keys", "create", "served", "--tenant", "served", "--admin")
        session.headers["Authorization"] = f"Bearer {made['key']}"
        yield session


def submit(server: LiveServer, session: requests.Session, **body: Any) -> str:
    answer = session.post(f"{server.url}/v1/jobs", json=body, timeout=30)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def long_job(server: LiveServer, session: requests.Session, media: Path) -> str:
    """A job that runs until it is stopped: the clip over and over, made larger."""
    return submit(
        server,
        session,
        operation="transcode",
        inputs=[str(media / "clip.mp4")] * 20,
        params={"format": "mp4", "width": 1920, "height": 1080},
    )


def events(answer: requests.Response) -> Iterator[Json]:
    reader = EventReader()
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if (event := reader.feed(line)) is not None:
            yield event


def stream(
    server: LiveServer, session: requests.Session, job_id: str, last: str | None = None
) -> requests.Response:
    headers = {"Last-Event-ID": last} if last else {}
    url = f"{server.url}/v1/jobs/{job_id}/events"
    return session.get(url, headers=headers, stream=True, timeout=60)


def test_a_stream_comes_as_it_happens_and_goes_on_after_a_break(
    server: LiveServer, session: requests.Session, media: Path
) -> None:
    job_id = long_job(server, session, media)
    with stream(server, session, job_id) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        seen = []
        for event in events(answer):
            seen.append(event)
            if event["event"] == "progress" and event["data"]["progress"] > 0:
                break
    ids = [event["id"] for event in seen if "id" in event]
    assert ids
    assert [event["data"]["state"] for event in seen if "id" in event][:1] == ["queued"]
    with stream(server, session, job_id, ids[-1]) as answer:
        threading.Timer(
            0.3, lambda: session.post(f"{server.url}/v1/jobs/{job_id}/cancel", timeout=30)
        ).start()
        rest = list(events(answer))
    assert rest[-1]["data"]["state"] == "cancelled"
    assert not {event.get("id") for event in rest} & set(ids)
    with stream(server, session, job_id, rest[-1]["id"]) as answer:
        assert answer.status_code == 204


def test_many_wait_for_one_job_and_all_hear_of_its_end(
    server: LiveServer, session: requests.Session, media: Path
) -> None:
    job_id = long_job(server, session, media)
    url = f"{server.url}/v1/jobs/{job_id}?wait=25"
    key = dict(session.headers)
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(requests.get, url, headers=key, timeout=60) for _ in range(16)]
        session.delete(f"{server.url}/v1/jobs/{job_id}", timeout=30)
        states = {future.result().json()["state"] for future in waiting}
    assert states == {"cancelled"}


def test_a_batch_of_hundreds_is_taken_in_one_request(
    server: LiveServer, session: requests.Session, media: Path
) -> None:
    job = {"operation": "probe", "input": str(media / "photo.jpg")}
    headers = {"Idempotency-Key": "hundreds"}
    url = f"{server.url}/v1/jobs:batch"
    answer = session.post(url, json={"jobs": [job] * 300}, headers=headers, timeout=60)
    assert answer.json()["accepted"] == 300
    again = session.post(url, json={"jobs": [job] * 300}, headers=headers, timeout=60)
    assert again.json() == answer.json()
    last = answer.json()["results"][-1]["job_id"]
    done = session.get(f"{server.url}/v1/jobs/{last}?wait=30", timeout=60).json()
    while done["state"] in ("queued", "running"):
        done = session.get(f"{server.url}/v1/jobs/{last}?wait=30", timeout=60).json()
    assert done["status"] == "completed"


def test_a_graph_of_steps_runs_to_its_end(
    server: LiveServer, session: requests.Session, media: Path
) -> None:
    job_id = submit(
        server,
        session,
        input=str(media / "clip.mp4"),
        tasks=[
            {"name": "still", "operation": "preview", "params": {"preview_type": "thumbnail"}},
            {"name": "facts", "operation": "probe", "inputs": ["task:still"]},
        ],
    )
    job = session.get(f"{server.url}/v1/jobs/{job_id}?wait=30", timeout=60).json()
    assert job["status"] == "completed", job
    assert [task["state"] for task in job["tasks"]] == ["succeeded", "succeeded"]
    assert job["result_data"]["width"] == 320


def test_a_body_that_is_too_large_is_refused(server: LiveServer, session: requests.Session) -> None:
    body = b'{"operation": "probe", "url": "' + b"x" * (9 * MIB) + b'"}'
    kind = {"Content-Type": "application/json"}
    answer = session.post(f"{server.url}/v1/jobs", data=body, headers=kind, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    pieces = (body[start : start + MIB] for start in range(0, len(body), MIB))
    answer = session.post(f"{server.url}/v1/jobs", data=pieces, headers=kind, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_an_upload_of_any_client_takes_constant_memory(
    server: LiveServer, session: requests.Session
) -> None:
    transfer = server.actor("ray::ServeReplica:transfer")
    before = transfer.memory_info().rss
    size, most = 256 * MIB, [before]
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.02):
            most.append(transfer.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        made = session.post(
            f"{server.url}/v1/uploads", json={"filename": "big.mp4", "size": size}, timeout=30
        ).json()
        place = server.url + made["url"]
        sent = session.patch(
            place,
            data=b"\0" * size,
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Offset": "0",
                "Content-Type": "application/offset+octet-stream",
            },
            timeout=120,
        )
    finally:
        stop.set()
        looking.join()
    assert sent.status_code == 204, sent.text
    assert sent.headers["Upload-Offset"] == str(size)
    assert max(most) - before < 96 * MIB
    assert session.delete(place, headers={"Tus-Resumable": "1.0.0"}, timeout=30).ok


def test_an_upload_comes_whole_through_the_proxy_that_stands_in_for_haproxy(
    server: LiveServer, session: requests.Session
) -> None:
    sent = session.post(
        f"{stand_in(server)}/api/uploads?filename=big.mp4",
        data=b"\0" * (16 * MIB),
        headers={"Content-Type": "video/mp4"},
        timeout=60,
    )
    assert (sent.status_code, sent.json()["size"]) == (201, 16 * MIB)


def test_polls_are_answered_while_uploads_run(
    server: LiveServer, session: requests.Session
) -> None:
    gate = threading.Event()

    def slowly() -> Iterator[bytes]:
        for _ in range(4):
            yield b"\0" * MIB
            gate.wait(10)

    made = session.post(f"{server.url}/v1/uploads", json={"size": 4 * MIB}, timeout=30).json()
    key = dict(session.headers)
    headers = key | {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(
            requests.patch,
            server.url + made["url"],
            data=slowly(),
            headers={name: str(value) for name, value in headers.items()},
            timeout=60,
        )
        answers = [session.get(f"{server.url}/v1/jobs", timeout=30) for _ in range(5)]
        assert not sending.done()
        gate.set()
        assert sending.result().status_code == 204
    assert all(answer.ok for answer in answers)


def test_metrics_and_health_are_served(server: LiveServer, session: requests.Session) -> None:
    assert requests.get(f"{server.url}/healthz", timeout=30).json()["status"] == "ok"
    text = session.get(f"{server.url}/metrics", timeout=30).text
    assert 'reelyard_pool_workers{pool="cpu"}' in text
    assert requests.get(f"{server.url}/metrics", timeout=30).status_code == 401


def test_a_killed_registry_costs_clients_a_moment_and_no_job(
    server: LiveServer, session: requests.Session, media: Path
) -> None:
    key = dict(session.headers)
    body = {"operation": "probe", "input": str(media / "photo.jpg")}

    def one(number: int) -> requests.Response:
        headers = key | {"Idempotency-Key": f"kill-{number}"}
        return requests.post(f"{server.url}/v1/jobs", json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(one, number) for number in range(60)]
        asked[10].result()
        server.actor("ray::JobRegistry").kill()
        answers = [future.result() for future in asked]
    assert {answer.status_code for answer in answers} <= {202, 503}
    taken = [answer.json()["job_id"] for answer in answers if answer.status_code == 202]
    assert len(taken) == len(set(taken)) >= 11
    for job_id in taken:
        job = get_as_told(session, f"{server.url}/v1/jobs/{job_id}?wait=30")
        assert job["status"] == "completed", job
    refused = [n for n, answer in enumerate(answers) if answer.status_code == 503]
    assert all(one(number).status_code == 202 for number in refused)


def get_as_told(session: requests.Session, url: str) -> Any:
    """What comes in the end to a client that comes again when it is told to."""
    while (answer := session.get(url, timeout=60)).status_code == 503:
        time.sleep(int(answer.headers["Retry-After"]))
    return answer.json()


def stand_in(server: LiveServer) -> str:
    """Where Serve's own proxy answers: HAProxy turns to it while a replica seems down."""
    for process in server.family():
        if process.name() == "haproxy":
            command = process.cmdline()
            config = Path(command[command.index("-f") + 1]).read_text()
            if found := re.search(r"server \S*-fallback-\S* (\S+)", config):
                return f"http://{found[1]}"
    raise AssertionError("there is no HAProxy with a fallback")
