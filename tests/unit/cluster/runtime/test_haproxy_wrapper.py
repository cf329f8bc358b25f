"""HAProxy's own ports stay on loopback, and what it answers by itself makes sense."""

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import ray
import requests

from reelyard.cluster.runtime import haproxy_wrapper
from reelyard.cluster.runtime.haproxy_rules import Edge, Limits
from reelyard.cluster.runtime.ray_env import free_ports
from reelyard.cluster.settings import Settings

pytestmark = pytest.mark.skipif(
    not haproxy_wrapper.uses_haproxy(Settings()), reason="there is no HAProxy here"
)
LIMITS = Limits(
    connections=500,
    per_address=10,
    trusted_proxies=("127.0.0.2", "127.0.0.4/31"),
    head_s=0.5,
    body_s=0.5,
    keep_alive_s=0.5,
    silence_s=0.6,
)
EDGE = Edge(
    (
        (("/media", "/v1/auth"), '{"instance":"{path}"}'),
        (("/jobs",), '{"message":"100% of it"}'),
        (("/",), '{"detail":"it\'s \\"early\\""}'),
    )
)
BIND = re.compile(r"^ *bind (.*)$", re.MULTILINE)


def test_only_what_asks_for_an_address_is_bound_to_it(tmp_path: Path) -> None:
    wrapper = haproxy_wrapper.wrapped_binary(tmp_path / "it's", LIMITS)
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
    wrapper = haproxy_wrapper.wrapped_binary(tmp_path / "bin", LIMITS)
    assert wrapper is not None
    template = Path(ray.__file__).parent / "serve/_private/haproxy_templates.py"
    (line,) = re.findall(r"^ *stats socket .*$", template.read_text(), re.MULTILINE)
    config = tmp_path / "haproxy.cfg"
    config.write_text("global\n" + line.replace("{{ config.socket_path }}", f"{tmp_path}/s") + "\n")
    subprocess.run([wrapper, "-c", "-f", str(config)], check=False, capture_output=True)
    assert " mode 600 level admin" in config.read_text()
    assert "mode 666" not in config.read_text()


CONFIG = """global
  maxconn 500
defaults
  mode http
  timeout connect 1s
  timeout client 3600s
  option abortonclose
  retries 0
frontend http_frontend
    bind 127.0.0.1:{port}
    acl told path /told
    http-request return status 200 content-type text/plain lf-string "{seen}" if told
    use_backend replica if {{ path_beg /v1/ /api/ /plain }}
    use_backend gone if {{ path_beg /gone /jobs }}
    default_backend default_backend
backend default_backend
    http-request return status 404 content-type text/plain string "Path not found."
backend replica
    http-reuse always
    server replica 127.0.0.1:{replica}
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
LONG_S = 1.5
"""A wait beyond all time limits of LIMITS."""


class Replica(BaseHTTPRequestHandler):
    """Answers `/plain...` as Serve does where it has no route, the rest after LONG_S."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        plain = self.path.startswith("/plain")
        if not plain:
            time.sleep(LONG_S)
        body = b"Path not found." if plain else b"{}"
        self.send_response(404 if plain else 200)
        self.send_header("Content-Type", "text/plain" if plain else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Replicas(ThreadingHTTPServer):
    """With room for all that the tests send at once."""

    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is what some tests are about."""


@contextmanager
def running_edge(folder: Path, limits: Limits) -> Iterator[str]:
    """HAProxy before a slow replica and one that is gone; at `/told` it answers with the HEADERS
    it got."""
    wrapper = haproxy_wrapper.wrapped_binary(folder / "bin", limits, EDGE)
    assert wrapper is not None
    port, closed = free_ports(2)
    config = folder / "haproxy.cfg"
    seen = "".join(f"%[req.hdr({name})]|" for name in HEADERS)
    with Replicas(("127.0.0.1", 0), Replica) as replica:
        threading.Thread(target=replica.serve_forever, daemon=True).start()
        config.write_text(
            CONFIG.format(port=port, closed=closed, seen=seen, replica=replica.server_port)
        )
        with subprocess.Popen([wrapper, "-db", "-f", str(config)]) as process:
            while True:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                assert process.poll() is None
                time.sleep(0.01)
            yield f"http://127.0.0.1:{port}"
            process.kill()
        replica.shutdown()


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_edge(tmp_path_factory.mktemp("edge"), LIMITS) as url:
        yield url


@pytest.fixture
def patient_edge(tmp_path: Path) -> Iterator[str]:
    """One that ends no connection while a busy machine opens the next."""
    with running_edge(tmp_path, replace(LIMITS, head_s=600, keep_alive_s=600)) as url:
        yield url


def connect(edge: str, source: str = "127.0.0.1") -> socket.socket:
    """A connection from an address of this machine."""
    port = int(edge.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0))


def end_of(client: socket.socket, drip: bytes = b"") -> bytes:
    """What comes until the server ends the connection, while `drip` is sent again and again."""
    client.settimeout(0.1)
    found = b""
    while True:
        with suppress(TimeoutError):
            try:
                if not (piece := client.recv(65536)):
                    return found
                found += piece
                continue
            except ConnectionResetError:
                return found
        with suppress(OSError):
            client.sendall(drip)


def test_a_connection_without_a_request_is_ended(edge: str) -> None:
    with connect(edge) as client:
        assert end_of(client) == b""


def test_a_head_that_drips_is_ended(edge: str) -> None:
    with connect(edge) as client:
        client.sendall(b"GET /v1/jobs HTTP/1.1\r\nHost: a\r\nX-A: ")
        assert b" 200 " not in end_of(client, b"x")


@pytest.mark.parametrize("drip", [b"", b"x"])
def test_a_body_that_drips_is_refused(edge: str, drip: bytes) -> None:
    with connect(edge) as client:
        client.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n{")
        head, _, body = end_of(client, drip).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["code"] == "request_timeout"


def test_whoever_waits_for_an_answer_is_not_hurried(edge: str) -> None:
    assert requests.get(f"{edge}/v1/jobs?wait=30", timeout=10).json() == {}
    assert requests.post(f"{edge}/v1/jobs", data=b"{}", timeout=10).json() == {}


def test_no_address_keeps_the_others_out(patient_edge: str) -> None:
    with ExitStack() as held:
        for _ in range(LIMITS.per_address):
            client = held.enter_context(connect(patient_edge, "127.0.0.3"))
            # Only what HAProxy has taken counts; what the kernel holds for it may come later.
            client.sendall(b"GET /told HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(1)
        # Whether connecting or sending meets the end of it, depends on who is quicker.
        with pytest.raises(OSError, match=r"reset|pipe|ended"):
            told_from(patient_edge, "127.0.0.3")
        assert told_from(patient_edge, "127.0.0.1") == 200


def test_behind_a_trusted_proxy_the_cap_is_each_clients(edge: str) -> None:
    """A proxy holds more connections than one client may, and tells whose they are."""

    def ask(client: str) -> socket.socket:
        found = connect(edge, "127.0.0.2")
        lines = f"GET /v1/jobs HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\n"
        found.sendall(f"{lines}Connection: close\r\n\r\n".encode())
        return found

    def statuses(clients: list[str]) -> list[int]:
        with ExitStack() as held:
            found = [held.enter_context(ask(client)) for client in clients]
            return [int(end_of(each).split()[1]) for each in found]

    many = ["192.0.2.1"] * (LIMITS.per_address + 5)
    # What stands before the last foreign address, the client has written.
    spoofed = [f"198.51.100.{n}, 192.0.2.1, 127.0.0.5" for n in range(LIMITS.per_address + 5)]
    for clients in (many, spoofed):
        found = statuses(clients)
        # HAProxy's threads may refuse one too many while they count, but never one too few.
        assert set(found) == {200, 429}
        assert found.count(200) <= LIMITS.per_address
    others = [f"192.0.2.{n}" for n in range(2, LIMITS.per_address + 7)]
    assert statuses(others) == [200] * len(others)


def told_from(edge: str, source: str) -> int:
    """The status of a request from that address."""
    with connect(edge, source) as client:
        client.sendall(b"GET /told HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        if not (answer := end_of(client)):
            raise ConnectionError("it was ended without an answer")
    return int(answer.split()[1])


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/gone", "detail"),
        ("/nothing", "detail"),
        ("/plain", "detail"),
        ("/jobs/1", "message"),
        ("/media/transcode", "instance"),
        ('/media/a"b\u00e9%', "instance"),
        ("/v1x", "detail"),
    ],
)
def test_what_nobody_answers_is_503_in_the_words_for_its_path(
    edge: str, path: str, field: str
) -> None:
    answer = requests.get(f"{edge}{path}", timeout=10)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert field in answer.json()


def test_serves_own_headers_are_kept_from_clients(edge: str) -> None:
    sent = dict.fromkeys(HEADERS, b"1") | {"x-request-id": b"my-4.1 id"}
    assert requests.get(f"{edge}/told", headers=sent, timeout=10).text == "my-4.1 id|||||1|"
    sent["x-request-id"] = b"\xe9"
    assert requests.get(f"{edge}/told", headers=sent, timeout=10).text == "|||||1|"


def test_rays_sections_have_the_names_that_are_edited() -> None:
    text = (Path(ray.__file__).parent / "serve/_private/haproxy_templates.py").read_text()
    for name in ("frontend http_frontend", "backend default_backend", "defaults"):
        assert f"\n{name}\n" in text
    assert '"""global\n' in text


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
    assert haproxy_wrapper.uses_haproxy(Settings())
    assert haproxy_wrapper.wrapped_binary(tmp_path, LIMITS) is not None
