"""HAProxy's own ports stay on loopback, and what it answers by itself makes sense."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import ray
import requests

from cluster import haproxy
from cluster.ray_env import free_ports
from cluster.settings import Settings

pytestmark = pytest.mark.skipif(
    not haproxy.uses_haproxy(Settings()), reason="there is no HAProxy here"
)
BIND = re.compile(r"^ *bind (.*)$", re.MULTILINE)


def test_only_what_asks_for_an_address_is_bound_to_it(tmp_path: Path) -> None:
    wrapper = haproxy.wrapped_binary(tmp_path / "it's")
    assert wrapper is not None
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n"
        "frontend a\n    bind :1234\n"
        "frontend b\n    bind 0.0.0.0:8000\n"
        "listen stats\n  bind *:5678\n"
    )
    for _ in range(2):
        subprocess.run([wrapper, "-c", "-f", str(config)], check=True, capture_output=True)
        assert BIND.findall(config.read_text()) == [
            "127.0.0.1:1234",
            "0.0.0.0:8000",
            "127.0.0.1:5678",
        ]


def test_its_control_socket_is_its_owners_alone(tmp_path: Path) -> None:
    wrapper = haproxy.wrapped_binary(tmp_path / "bin")
    assert wrapper is not None
    template = Path(ray.__file__).parent / "serve/_private/haproxy_templates.py"
    (line,) = re.findall(r"^ *stats socket .*$", template.read_text(), re.MULTILINE)
    config = tmp_path / "haproxy.cfg"
    config.write_text("global\n" + line.replace("{{ config.socket_path }}", f"{tmp_path}/s") + "\n")
    subprocess.run([wrapper, "-c", "-f", str(config)], check=False, capture_output=True)
    assert " mode 600 level admin" in config.read_text()
    assert "mode 666" not in config.read_text()


CONFIG = """global
  maxconn 20
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  errorfile 503 {folder}/500.http
frontend http_frontend
    bind 127.0.0.1:{port}
    acl told path /told
    http-request return status 200 content-type text/plain lf-string "{seen}" if told
    default_backend gone
backend gone
    server gone 127.0.0.1:{closed}
"""
HEADERS = (
    "x-request-id",
    "x-request-timeout-seconds",
    "x-request-disconnect-disabled",
    "serve_multiplexed_model_id",
    "serve-multiplexed-model-id",
    "idempotency-key",
)


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[str]:
    """HAProxy before a replica that is gone; at `/told` it answers with the HEADERS it got."""
    wrapper = haproxy.wrapped_binary(tmp_path / "bin")
    assert wrapper is not None
    port, closed = free_ports(2)
    config = tmp_path / "haproxy.cfg"
    (tmp_path / "500.http").write_text("HTTP/1.1 500 Serve's\r\nContent-Length: 0\r\n\r\n")
    seen = "".join(f"%[req.hdr({name})]|" for name in HEADERS)
    config.write_text(CONFIG.format(folder=tmp_path, port=port, closed=closed, seen=seen))
    with subprocess.Popen([wrapper, "-db", "-f", str(config)]) as process:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
        process.kill()


def test_where_no_replica_answers_clients_are_told_to_try_again(edge: str) -> None:
    answer = requests.get(edge, timeout=10)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["code"] == "service_unavailable"


def test_serves_own_headers_are_kept_from_clients(edge: str) -> None:
    sent = dict.fromkeys(HEADERS, b"1") | {"x-request-id": b"my-4.1 id"}
    assert requests.get(f"{edge}/told", headers=sent, timeout=10).text == "my-4.1 id|||||1|"
    sent["x-request-id"] = b"\xe9"
    assert requests.get(f"{edge}/told", headers=sent, timeout=10).text == "|||||1|"


def test_rays_own_answer_and_frontend_have_the_names_that_are_edited() -> None:
    serve = Path(ray.__file__).parent / "serve/_private"
    assert '"500.http"' in (serve / "haproxy.py").read_text()
    assert "\nfrontend http_frontend\n" in (serve / "haproxy_templates.py").read_text()


def test_rays_template_binds_in_no_other_way() -> None:
    text = (Path(ray.__file__).parent / "serve/_private/haproxy_templates.py").read_text()
    binds = {re.sub(r"{{ config\.(\w+) }}", r"\1", found) for found in BIND.findall(text)}
    assert binds == {
        ":metrics_port",
        "*:stats_port",
        "frontend_host:frontend_port",
        "grpc_frontend_host:grpc_frontend_port proto h2",
    }


def test_a_wrapper_of_an_earlier_cluster_that_is_gone_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", str(tmp_path / "gone"))
    assert haproxy.uses_haproxy(Settings())
    assert haproxy.wrapped_binary(tmp_path) is not None
