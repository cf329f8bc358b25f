from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore2
import pytest
import stamina
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster.dial import CheckedBackend
from cluster.errors import (
    LimitExceeded,
    OutputUnwritable,
    SourceForbidden,
    SourceNotFound,
    SourceUnreadable,
    TimedOut,
)
from cluster.fetch import Fetched, Network, download, redact, upload
from cluster.settings import Settings

from .loopback import Loopback, loopback, redirect, status


async def to_loopback(host: str, port: int) -> list[str]:
    """A resolver that knows this machine only."""
    return ["127.0.0.1"]


LOCAL = Network(resolver=to_loopback)


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """As many tries as ever, without the pauses."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
async def site() -> AsyncIterator[Loopback]:
    async with loopback() as found:
        yield found


@pytest.fixture
def settings(site: Loopback) -> Callable[..., Settings]:
    def make(*hosts: str, **changes: Any) -> Settings:
        allowed = [f"{host}:{site.port}" for host in hosts or ("media.test",)]
        return Settings(fetch_allow_hosts=allowed, **changes)

    return make


Make = Callable[..., Settings]


async def fetch(site: Loopback, settings: Settings, tmp_path: Path, path: str = "/a") -> Fetched:
    url = f"http://media.test:{site.port}{path}"
    return await download(url, tmp_path / "in", settings, network=LOCAL)


def left(tmp_path: Path) -> list[Path]:
    return list(tmp_path.iterdir())


async def test_a_download_tells_size_type_and_name(
    site: Loopback, settings: Make, tmp_path: Path
) -> None:
    site.answers["/v/clip%201.mp4"] = status(200, "content-type: video/mp4; x=y", body=b"0123")
    got = await fetch(site, settings(), tmp_path, "/v/clip%201.mp4?secret=1")
    assert got == Fetched(4, "video/mp4", "clip 1.mp4")
    assert (tmp_path / "in").read_bytes() == b"0123"
    assert f"host: media.test:{site.port}".encode() in site.requests[0].lower()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a.mov"', "a.mov"),
        ("attachment; filename=\"x\"; filename*=UTF-8''%C3%BC.mov", "ü.mov"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ("attachment", "a"),
    ],
)
async def test_the_server_may_name_the_file(
    site: Loopback, settings: Make, tmp_path: Path, header: str, name: str
) -> None:
    site.answers["/a"] = status(200, f"content-disposition: {header}", body=b"x")
    assert (await fetch(site, settings(), tmp_path)).filename == name


async def test_progress_is_told_in_bytes(site: Loopback, settings: Make, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    site.answers["/a"] = status(200, body=bytes(3 << 20))
    url = f"http://media.test:{site.port}/a"
    await download(url, tmp_path / "in", settings(), lambda *args: seen.append(args), network=LOCAL)
    assert seen[-1] == (3 << 20, 3 << 20)
    assert len(seen) >= 3


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://media.test/a", SourceForbidden),
        ("file:///etc/passwd", SourceForbidden),
        ("gopher://media.test/a", SourceForbidden),
        ("//media.test/a", SourceForbidden),
        ("http://", SourceUnreadable),
        ("http:///path", SourceUnreadable),
        ("http://0177.0.0.1/", SourceUnreadable),
        ("http://a\nb/", SourceUnreadable),
        ("http://[::1/", SourceUnreadable),
    ],
)
async def test_only_http_urls_are_fetched(url: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        await download(url, tmp_path / "in", Settings(), network=LOCAL)
    assert left(tmp_path) == []


class NoDial(httpcore2.AsyncNetworkBackend):
    """Fails the test when anything is dialled."""

    async def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"dialled {host}")


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["93.184.216.34", "10.0.0.1"],
        ["2606:4700::1", "::1"],
        ["::ffff:192.168.0.1"],
        ["64:ff9b::7f00:1"],
    ],
)
async def test_a_host_with_any_inner_address_is_not_dialled(addresses: list[str]) -> None:
    async def resolver(host: str, port: int) -> list[str]:
        return addresses

    backend = CheckedBackend(["other.test:80"], resolver, NoDial())
    with pytest.raises(SourceForbidden) as caught:
        await backend.connect_tcp("inner.test", 80)
    assert "inner.test" in caught.value.message
    assert not any(address in caught.value.message for address in addresses)


async def test_the_checked_address_is_dialled_and_resolved_once() -> None:
    resolved: list[str] = []
    dialled: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        resolved.append(host)
        return ["93.184.216.34"] if len(resolved) == 1 else ["127.0.0.1"]

    class Dial(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> Any:
            dialled.append(host)
            return None

    await CheckedBackend((), rebinding, Dial()).connect_tcp("rebind.test", 443)
    assert resolved == ["rebind.test"]
    assert dialled == ["93.184.216.34"]


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    dialled: list[str] = []

    async def two(host: str, port: int) -> list[str]:
        return ["1.1.1.1", "1.0.0.1"]

    class Dial(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> Any:
            dialled.append(host)
            if host == "1.1.1.1":
                raise httpcore2.ConnectError

    await CheckedBackend((), two, Dial()).connect_tcp("two.test", 80)
    assert dialled == ["1.1.1.1", "1.0.0.1"]


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "127.1", "0x7f000001", "2130706433", "0"]
)
async def test_loopback_is_refused_in_every_spelling(
    site: Loopback, tmp_path: Path, host: str
) -> None:
    with pytest.raises((SourceForbidden, SourceUnreadable)):
        await download(f"http://{host}:{site.port}/a", tmp_path / "in", Settings())
    assert site.requests == []


async def test_the_allow_list_is_for_one_port_only(
    site: Loopback, settings: Make, tmp_path: Path
) -> None:
    site.answers["/a"] = status(200, body=b"x")
    await download(f"http://127.0.0.1:{site.port}/a", tmp_path / "in", settings("127.0.0.1"))
    with pytest.raises(SourceForbidden):
        await download("http://127.0.0.1:1/a", tmp_path / "in2", settings("127.0.0.1"))


async def test_redirects_are_followed_up_to_the_limit(
    site: Loopback, settings: Make, tmp_path: Path
) -> None:
    site.answers |= {f"/{n}": redirect(f"/{n + 1}") for n in range(5)}
    site.answers["/5"] = status(200, body=b"x")
    assert (await fetch(site, settings(), tmp_path, "/2")).size == 1
    with pytest.raises(SourceUnreadable, match="redirects"):
        await fetch(site, settings(), tmp_path, "/1")


@pytest.mark.parametrize("target", ["http://sink.test:{port}/s", "http://127.0.0.1:{port}/s"])
async def test_a_redirect_to_a_forbidden_host_is_not_followed(
    site: Loopback, settings: Make, tmp_path: Path, target: str
) -> None:
    site.answers["/a"] = redirect(target.format(port=site.port))
    with pytest.raises(SourceForbidden):
        await fetch(site, settings(), tmp_path)
    assert len(site.requests) == 1
    assert left(tmp_path) == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://media.test/x", "javascript:1"])
async def test_a_redirect_to_another_scheme_is_refused(
    site: Loopback, settings: Make, tmp_path: Path, target: str
) -> None:
    site.answers["/a"] = redirect(target)
    with pytest.raises((SourceForbidden, SourceUnreadable)):
        await fetch(site, settings(), tmp_path)


@pytest.mark.parametrize(
    ("code", "error", "tries"),
    [
        (404, SourceNotFound, 1),
        (410, SourceNotFound, 1),
        (401, SourceUnreadable, 1),
        (403, SourceUnreadable, 1),
        (206, SourceUnreadable, 1),
        (503, SourceUnreadable, 3),
    ],
)
async def test_other_answers_are_errors_that_name_the_source(
    site: Loopback, settings: Make, tmp_path: Path, code: int, error: type[Exception], tries: int
) -> None:
    site.answers["/a"] = status(code, body=b"x")
    with pytest.raises(error, match=f"media.test.*{code}"):
        await fetch(site, settings(), tmp_path)
    assert len(site.requests) == tries
    assert left(tmp_path) == []


async def test_a_passing_failure_is_tried_again(
    site: Loopback, settings: Make, tmp_path: Path
) -> None:
    whole = status(200, body=b"0123456789")
    site.answers["/a"] = [status(503), whole[:-4], whole]
    assert (await fetch(site, settings(), tmp_path)).size == 10
    assert (tmp_path / "in").read_bytes() == b"0123456789"


async def test_a_body_cut_short_is_no_file(site: Loopback, settings: Make, tmp_path: Path) -> None:
    site.answers["/a"] = status(200, body=b"0123456789")[:-1]
    with pytest.raises(SourceUnreadable, match="connection"):
        await fetch(site, settings(), tmp_path)
    assert left(tmp_path) == []


async def test_the_cap_holds_for_announced_and_for_endless_bodies(
    site: Loopback, settings: Make, tmp_path: Path
) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()

    site.answers |= {
        "/at": status(200, body=bytes(100_000)),
        "/over": status(200, body=bytes(100_001)),
        "/endless": endless,
    }
    capped = settings(fetch_max_bytes=100_000)
    assert (await fetch(site, capped, tmp_path, "/at")).size == 100_000
    (tmp_path / "in").unlink()
    for path in ("/over", "/endless"):
        with pytest.raises(LimitExceeded, match="100000"):
            await fetch(site, capped, tmp_path, path)
    assert left(tmp_path) == []


async def test_the_cap_counts_decoded_bytes(site: Loopback, settings: Make, tmp_path: Path) -> None:
    body = gzip.compress(bytes(1 << 20))
    site.answers["/a"] = status(200, "content-encoding: gzip", body=body)
    assert (await fetch(site, settings(), tmp_path)).size == 1 << 20
    with pytest.raises(LimitExceeded):
        await fetch(site, settings(fetch_max_bytes=1 << 19), tmp_path)
    site.answers["/a"] = status(200, "content-encoding: gzip, gzip", body=body)
    with pytest.raises(SourceUnreadable, match="several times"):
        await fetch(site, settings(), tmp_path)


@pytest.mark.parametrize("limit", ["fetch_read_timeout_s", "fetch_total_timeout_s"])
async def test_a_silent_server_is_given_up(
    site: Loopback, settings: Make, tmp_path: Path, limit: str
) -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab")
        await writer.drain()
        await site.over.wait()

    site.answers["/a"] = silent
    with pytest.raises(TimedOut, match=r"media\.test"):
        await fetch(site, settings(**{limit: 0.3}), tmp_path)
    assert left(tmp_path) == []


async def test_a_drip_feed_ends_with_the_total_time(
    site: Loopback, settings: Make, tmp_path: Path
) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    site.answers["/a"] = drip
    with pytest.raises(TimedOut):
        await fetch(site, settings(fetch_total_timeout_s=0.5), tmp_path)


async def test_a_host_without_an_address_is_unreadable(tmp_path: Path) -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(SourceUnreadable, match=r"nowhere\.test"):
        await download(
            "http://nowhere.test/a", tmp_path / "in", Settings(), network=Network(unknown)
        )


async def test_environment_proxies_are_not_used(
    site: Loopback, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.answers["/a"] = status(200, body=b"x")
    assert (await fetch(site, settings(), tmp_path)).size == 1


def certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server that is `name`, and of a client that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "cert.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + cert.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


async def test_tls_checks_the_name_not_the_address(tmp_path: Path) -> None:
    server, client = certificate_for("media.test", tmp_path)
    asked: list[str] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    network = Network(to_loopback, client)
    async with loopback(server) as site:
        site.answers["/a"] = status(200, body=b"secure")
        allowed = [f"media.test:{site.port}", f"other.test:{site.port}"]
        settings = Settings(fetch_allow_hosts=allowed)
        url = f"https://media.test:{site.port}/a"
        got = await download(url, tmp_path / "in", settings, network=network)
        assert got.size == 6
        url = f"https://other.test:{site.port}/a"
        with pytest.raises(SourceUnreadable, match="certificate"):
            await download(url, tmp_path / "in2", settings, network=network)
    assert asked[0] == "media.test"
    assert len(site.requests) == 1


async def test_an_upload_puts_the_bytes_with_their_length(
    site: Loopback, settings: Make, tmp_path: Path
) -> None:
    site.answers["/out"] = [status(503), status(200)]
    source = tmp_path / "out.mp4"
    source.write_bytes(b"0123456789")
    url = f"http://media.test:{site.port}/out?X-Amz-Signature=s"
    await upload(url, source, settings(), content_type="video/mp4", network=LOCAL)
    request = site.requests[-1]
    assert request.startswith(b"PUT /out?X-Amz-Signature=s ")
    assert request.endswith(b"\r\n\r\n0123456789")
    assert b"content-type: video/mp4" in request.lower()
    assert b"transfer-encoding" not in request.lower()


@pytest.mark.parametrize("answer", [status(403), status(404), redirect("/x", 307)])
async def test_a_refused_upload_names_the_destination_without_its_signature(
    site: Loopback, settings: Make, tmp_path: Path, answer: bytes
) -> None:
    site.answers["/out"] = answer
    (tmp_path / "f").write_bytes(b"1")
    url = f"http://media.test:{site.port}/out?sig=hidden"
    with pytest.raises(OutputUnwritable, match=r"media.test:\d+/out") as caught:
        await upload(url, tmp_path / "f", settings(), network=LOCAL)
    assert "hidden" not in caught.value.message


async def test_uploads_to_inner_addresses_are_refused(site: Loopback, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    with pytest.raises(OutputUnwritable, match="public internet"):
        await upload(f"http://127.0.0.1:{site.port}/out", tmp_path / "f", Settings())
    assert site.requests == []


def test_urls_are_shown_without_secrets() -> None:
    assert redact("https://me:pw@h.test:8/a/b?X-Sig=1#f") == "https://h.test:8/a/b"
    assert redact("http://[") == "an unreadable URL"
