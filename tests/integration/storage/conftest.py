"""The stores under test: a folder, memory, and a real S3 server (moto's) on loopback."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from actors.media.operation import MediaFile
from cluster.settings import Settings
from cluster.storage import Storage, open_url

BUCKET = "reelyard"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """Options that reach an S3 server with one bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {
        "endpoint": f"http://{host}:{port}",
        "region": "us-east-1",
        "access_key_id": "test",
        "secret_access_key": "test",
    }
    client_of(options).create_bucket(Bucket=BUCKET)
    yield options
    server.stop()


def client_of(options: dict[str, str]) -> Any:
    """A boto3 client: an S3 client that is not ours."""
    return boto3.client(
        "s3",
        endpoint_url=options["endpoint"],
        region_name=options["region"],
        aws_access_key_id=options["access_key_id"],
        aws_secret_access_key=options["secret_access_key"],
    )


@pytest.fixture
def s3_storage(s3_server: dict[str, str]) -> Storage:
    return open_url(f"s3://{BUCKET}/{uuid4().hex}/sub", s3_server)


@pytest.fixture(params=["file", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "file":
        return open_url((tmp_path / "my objects").as_uri())
    if request.param == "memory":
        return open_url("memory://")
    store: Storage = request.getfixturevalue("s3_storage")
    return store


@pytest.fixture
def unused_tcp_port_url() -> Iterator[str]:
    """A loopback URL at which nobody listens: the port is bound, but not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


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
