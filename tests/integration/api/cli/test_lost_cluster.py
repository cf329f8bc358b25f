"""A server that loses a part of Ray ends, says so, and leaves the way free for the next."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.live_server import live_server

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


@pytest.mark.parametrize("part", ["raylet", "gcs_server"])
def test_a_server_whose_ray_is_killed_ends_with_all_that_it_started(
    tmp_path: Path, part: str
) -> None:
    with live_server(tmp_path / "data") as server:
        family = server.family()
        (killed,) = [process for process in family if process.name() == part]
        killed.kill()
        assert server.process.wait(300) == 1
    _, alive = psutil.wait_procs(family, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    log = (tmp_path / "data.log").read_text()
    assert "cluster_lost" in log
    assert part in log
    assert not (tmp_path / "data" / "cluster.json").exists()
    assert not (tmp_path / "data" / "run").exists()
    where = urlsplit(server.url)
    with pytest.raises(ConnectionRefusedError), socket.socket() as client:
        client.connect((where.hostname, where.port))


def test_haproxy_does_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    with live_server(tmp_path / "data") as server:
        family = server.family()
        proxies = [process for process in family if process.name() == "haproxy"]
        assert proxies
        server.process.kill()
        assert server.process.wait(300) == -9
        _, alive = psutil.wait_procs(proxies, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
