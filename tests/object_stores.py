"""The stores that tests run on: a folder, memory, and a real S3 server (moto's) on loopback.

A conftest or a test module imports the fixtures that it wants by name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cluster.storage import Storage, open_url

BUCKET = "reelyard"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """Options that reach an S3 server with one bucket."""
    from moto.server import ThreadedMotoServer

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
    import boto3

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
