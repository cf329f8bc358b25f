"""One real server, real media, and a key: what every call of the founding documents needs."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from reelyard.actors.testing.sample_media import make_sample
from tests.dialects.fixture_types import Headers, Json, Poll, RunCurl, RunNode
from tests.live_server import LiveServer, file_host, live_server

JS = Path(__file__).parent / "js"
PATIENCE_S = 90


@pytest.fixture(scope="package")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of real media: clip.mp4, talk.wav, photo.jpg, and broken.mp4, which is none."""
    folder = tmp_path_factory.mktemp("media")
    make_sample(folder / "clip.mp4", duration_s=2.0)
    make_sample(folder / "talk.wav", duration_s=2.0)
    make_sample(folder / "photo.jpg", width=640, height=360)
    (folder / "broken.mp4").write_text("this is no video")
    return folder


@pytest.fixture(scope="package")
def media_url(media: Path) -> Iterator[str]:
    """Where the media lie on the web, as far as the server can tell."""
    with file_host(media) as url:
        yield url


@pytest.fixture(scope="package")
def server(media_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server that may fetch from `media_url`."""
    settings = {"fetch_allow_hosts": media_url.removeprefix("http://"), "url_ttl_s": "600"}
    settings["api_replicas"] = "2"
    folder = tmp_path_factory.mktemp("server") / "data"
    with live_server(folder, settings, watched=True) as found:
        yield found


@pytest.fixture(scope="package")
def api_key(server: LiveServer) -> Json:
    """The key of tenant `acme`: `key`, `key_id`, `name`."""
    return server.create_key("laptop", "acme")


@pytest.fixture(scope="package")
def bearer(api_key: Json) -> Headers:
    """The header with the key."""
    return {"Authorization": f"Bearer {api_key['key']}"}


@pytest.fixture(scope="package")
def api_token(server: LiveServer, api_key: Json) -> str:
    """A token of Dolby's kind for that key."""
    pair = base64.b64encode(f"{api_key['name']}:{api_key['key']}".encode()).decode()
    answer = requests.post(
        f"{server.url}/v1/auth/token",
        data={"grant_type": "client_credentials", "expires_in": 1800},
        headers={"Authorization": f"Basic {pair}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture(scope="package")
def poll() -> Poll:
    """Ask again until `status` is one of the given words, and return the last answer."""
    import time

    def until(ask: Callable[[], Json], words: set[str]) -> Json:
        end = time.monotonic() + PATIENCE_S
        while (answer := ask()).get("status") not in words:
            assert time.monotonic() < end, f"never became one of {words}: {answer}"
            time.sleep(0.2)
        return answer

    return until


@pytest.fixture(scope="package")
def node() -> RunNode:
    """Run a script of `js/` with arguments; the JSON that it prints."""

    def run(script: str, *args: str) -> Json:
        done = subprocess.run(
            ["node", str(JS / script), *args],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        found: Json = json.loads(done.stdout)
        return found

    return run


@pytest.fixture(scope="package")
def curl() -> RunCurl:
    """Call curl as the documents do; the status and the body."""

    def run(*args: str) -> tuple[int, str]:
        done = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", *args],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    return run
