"""The hosts that are dialled: nobody is taken in about them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reelyard.cluster.errors import (
    OutputUnwritable,
    SourceForbidden,
    SourceUnreadable,
)
from reelyard.cluster.fetching.checked_transport import CheckedBackend
from reelyard.cluster.fetching.fetch import Network, download, upload
from reelyard.cluster.settings import Settings
from tests.unit.cluster.fetching.downloads import MakeSettings, fetch, left, to_loopback
from tests.unit.cluster.fetching.loopback import Loopback, loopback, redirect, status

pytestmark = pytest.mark.usefixtures("no_waits")


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
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    site.answers["/a"] = status(200, body=b"x")
    await download(f"http://127.0.0.1:{site.port}/a", tmp_path / "in", make_settings("127.0.0.1"))
    with pytest.raises(SourceForbidden):
        await download("http://127.0.0.1:1/a", tmp_path / "in2", make_settings("127.0.0.1"))


@pytest.mark.parametrize("target", ["http://sink.test:{port}/s", "http://127.0.0.1:{port}/s"])
async def test_a_redirect_to_a_forbidden_host_is_not_followed(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, target: str
) -> None:
    site.answers["/a"] = redirect(target.format(port=site.port))
    with pytest.raises(SourceForbidden):
        await fetch(site, make_settings(), tmp_path)
    assert len(site.requests) == 1
    assert left(tmp_path) == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://media.test/x", "javascript:1"])
async def test_a_redirect_to_another_scheme_is_refused(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, target: str
) -> None:
    site.answers["/a"] = redirect(target)
    with pytest.raises((SourceForbidden, SourceUnreadable)):
        await fetch(site, make_settings(), tmp_path)


async def test_environment_proxies_are_not_used(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.answers["/a"] = status(200, body=b"x")
    assert (await fetch(site, make_settings(), tmp_path)).size == 1


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


async def test_uploads_to_inner_addresses_are_refused(site: Loopback, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    with pytest.raises(OutputUnwritable, match="public internet"):
        await upload(f"http://127.0.0.1:{site.port}/out", tmp_path / "f", Settings())
    assert site.requests == []
