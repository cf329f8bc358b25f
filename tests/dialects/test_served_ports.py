"""Where a server on a laptop listens: nowhere but on loopback, and at the ports that are listed."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import psutil

from tests.live_server import LiveServer
from tests.paths import ROOT

LOOPBACK = ("127.0.0.1", "::1")
EXPECTED = {"haproxy", "gcs_server", "raylet", "ray::ServeReplica"}
PATIENCE_S = 60.0


def listeners(server: LiveServer) -> set[tuple[str, str]]:
    """The processes that listen, each with the address; an actor by its class."""
    found = set()
    for pid in [server.process.pid, *(process.pid for process in server.family())]:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            title = (process.cmdline() or [""])[0]
            actor = re.match(r"ray::\w+", title)
            name = actor[0] if actor else process.name()
            for connection in process.net_connections(kind="inet"):
                if connection.status == psutil.CONN_LISTEN:
                    found.add((name, connection.laddr.ip.removeprefix("::ffff:")))
    return found


def test_no_process_of_a_server_listens_beyond_this_machine(server: LiveServer) -> None:
    end = time.monotonic() + PATIENCE_S
    # While Serve reloads HAProxy, the one that we have listed may be gone.
    found = listeners(server)
    while not dict(found).keys() >= EXPECTED:
        assert time.monotonic() < end, found
        time.sleep(0.2)
        found = listeners(server)
    assert {(name, address) for name, address in found if address not in LOOPBACK} == set()


def test_whoever_listens_is_in_the_list_of_ports(server: LiveServer) -> None:
    text = (ROOT / "docs/security.md").read_text()
    listed = set(re.findall(r"^\| `(\S+)`", text, re.MULTILINE))
    assert "ray::" in listed
    unlisted = {name for name, _ in listeners(server)} - listed
    assert {name for name in unlisted if not name.startswith("ray::")} == set()
