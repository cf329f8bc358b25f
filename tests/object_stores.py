"""A real S3 server (moto's) on loopback, and a client of it that is not ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BUCKET = "reelyard"


@contextmanager
def running_s3() -> Iterator[dict[str, str]]:
    """Options that reach an S3 server with one bucket."""
    # Half a second of imports that most tests do without.
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
    """A boto3 client of that server."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=options["endpoint"],
        region_name=options["region"],
        aws_access_key_id=options["access_key_id"],
        aws_secret_access_key=options["secret_access_key"],
    )
