from __future__ import annotations

import asyncio
import base64
import gzip
import zlib
from functools import partial
from pathlib import Path

import pytest

from reelyard.cluster.errors import (
    LimitExceeded,
    OutputUnwritable,
    ReelyardError,
    SourceForbidden,
    SourceNotFound,
    SourceUnreadable,
    TimedOut,
)
from reelyard.cluster.fetching.fetch import Fetched, Network, download, upload
from reelyard.cluster.settings import Settings
from tests.unit.cluster.fetching.downloads import LOCAL, MakeSettings, fetch, left
from tests.unit.cluster.fetching.loopback import Loopback, redirect, status

compressed = partial(gzip.compress, mtime=0)
"""The same bytes at any time."""

pytestmark = pytest.mark.usefixtures("no_waits")


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


async def test_a_download_tells_size_type_and_name(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    site.answers["/v/clip%201.mp4"] = status(200, "content-type: video/mp4; x=y", body=b"0123")
    got = await fetch(site, make_settings(), tmp_path, "/v/clip%201.mp4?secret=1")
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
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, header: str, name: str
) -> None:
    site.answers["/a"] = status(200, f"content-disposition: {header}", body=b"x")
    assert (await fetch(site, make_settings(), tmp_path)).filename == name


async def test_progress_is_told_in_bytes(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    seen: list[tuple[int, int | None]] = []
    site.answers["/a"] = status(200, body=bytes(3 << 20))
    url = f"http://media.test:{site.port}/a"
    await download(
        url, tmp_path / "in", make_settings(), lambda *args: seen.append(args), network=LOCAL
    )
    assert seen[-1] == (3 << 20, 3 << 20)
    assert len(seen) >= 3


async def test_redirects_are_followed_up_to_the_limit(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    site.answers |= {f"/{n}": redirect(f"/{n + 1}") for n in range(5)}
    site.answers["/5"] = status(200, body=b"x")
    assert (await fetch(site, make_settings(), tmp_path, "/2")).size == 1
    with pytest.raises(SourceUnreadable, match="redirects"):
        await fetch(site, make_settings(), tmp_path, "/1")


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
    site: Loopback,
    make_settings: MakeSettings,
    tmp_path: Path,
    code: int,
    error: type[Exception],
    tries: int,
) -> None:
    site.answers["/a"] = status(code, body=b"x")
    with pytest.raises(error, match=f"media.test.*{code}"):
        await fetch(site, make_settings(), tmp_path)
    assert len(site.requests) == tries
    assert left(tmp_path) == []


async def test_a_passing_failure_is_tried_again(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    whole = status(200, body=b"0123456789")
    site.answers["/a"] = [status(503), whole[:-4], whole]
    assert (await fetch(site, make_settings(), tmp_path)).size == 10
    assert (tmp_path / "in").read_bytes() == b"0123456789"


async def test_a_body_cut_short_is_no_file(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    site.answers["/a"] = status(200, body=b"0123456789")[:-1]
    with pytest.raises(SourceUnreadable, match="connection"):
        await fetch(site, make_settings(), tmp_path)
    assert left(tmp_path) == []


async def test_the_cap_holds_for_announced_and_for_endless_bodies(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
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
    capped = make_settings(fetch_max_bytes=100_000)
    assert (await fetch(site, capped, tmp_path, "/at")).size == 100_000
    (tmp_path / "in").unlink()
    for path in ("/over", "/endless"):
        with pytest.raises(LimitExceeded, match="100000"):
            await fetch(site, capped, tmp_path, path)
    assert left(tmp_path) == []


async def test_the_cap_counts_decoded_bytes(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    body = compressed(bytes(1 << 20))
    site.answers["/a"] = status(200, "content-encoding: gzip", body=body)
    assert (await fetch(site, make_settings(), tmp_path)).size == 1 << 20
    with pytest.raises(LimitExceeded):
        await fetch(site, make_settings(fetch_max_bytes=1 << 19), tmp_path)
    site.answers["/a"] = status(200, "content-encoding: gzip, gzip", body=compressed(body))
    with pytest.raises(LimitExceeded):
        await fetch(site, make_settings(fetch_max_bytes=1 << 19), tmp_path)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", compressed(b"0123") + compressed(b"4567")),
        ("x-gzip", compressed(b"01234567")),
        ("gzip, gzip", compressed(compressed(b"01234567"))),
        ("deflate", zlib.compress(b"01234567")),
        ("identity, identity", b"01234567"),
    ],
)
async def test_an_encoded_body_is_fetched_whole(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, encoding: str, body: bytes
) -> None:
    site.answers["/a"] = status(200, f"content-encoding: {encoding}", body=body)
    assert (await fetch(site, make_settings(), tmp_path)).size == 8
    assert (tmp_path / "in").read_bytes() == b"01234567"


@pytest.mark.parametrize(
    ("encoding", "body", "tries"),
    [
        ("gzip", compressed(bytes(range(256)) * 99)[:-20], 3),
        ("deflate", zlib.compress(bytes(range(256)) * 99)[:-20], 3),
        ("gzip", compressed(b"0123") + b"4567", 1),
        ("br", b"01234567", 1),
    ],
)
async def test_a_cut_or_unknown_encoding_is_a_failed_fetch(
    site: Loopback,
    make_settings: MakeSettings,
    tmp_path: Path,
    encoding: str,
    body: bytes,
    tries: int,
) -> None:
    site.answers["/a"] = status(200, f"content-encoding: {encoding}", body=body)
    with pytest.raises(SourceUnreadable, match="encoding"):
        await fetch(site, make_settings(), tmp_path)
    assert left(tmp_path) == []
    assert len(site.requests) == tries


async def test_credentials_of_a_url_are_used_and_go_to_no_other_host(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    site.answers |= {
        "/a": redirect("/b"),
        "/b": redirect(f"http://other.test:{site.port}/c"),
        "/c": status(200, body=b"x"),
    }
    url = f"http://joe:p%40ss@media.test:{site.port}/a"
    settings = make_settings("media.test", "other.test")
    await download(url, tmp_path / "in", settings, network=LOCAL)
    lower = [head.lower() for head in site.requests]
    basic = b"authorization: basic " + base64.b64encode(b"joe:p@ss").lower()
    assert [basic in head for head in lower] == [True, True, False]
    assert not any(b"p%40ss" in head for head in lower)


@pytest.mark.parametrize(
    "answer",
    [
        status(404),
        status(403),
        redirect("ftp://joe:S3cr3t@media.test/b"),
        redirect("http://joe:S3cr3t@10.0.0.1/b?sig=S3cr3t"),
        redirect("http://joe:S3cr3t@media.test:99999/"),
        redirect("/a"),
        status(206),
    ],
)
async def test_a_failed_fetch_tells_no_secret(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, answer: bytes
) -> None:
    site.answers["/a"] = answer
    url = f"http://joe:S3cr3t@media.test:{site.port}/a?X-Amz-Signature=S3cr3t"
    for call in (download, upload):
        (tmp_path / "in").write_bytes(b"x")
        with pytest.raises(ReelyardError) as caught:
            await call(url, tmp_path / "in", make_settings(), network=LOCAL)
        assert "S3cr3t" not in repr(caught.value.as_dict())


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/a b.mp4?x=y z", b"/a%20b.mp4?x=y%20z"),
        ("/ü.mp4", b"/%c3%bc.mp4"),
        ("/a%20b%23c%3F.mp4", b"/a%20b%23c%3f.mp4"),
    ],
)
async def test_a_url_is_asked_for_as_browsers_would(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, path: str, asked: bytes
) -> None:
    site.answers |= {
        "/a%20b.mp4": status(200, body=b"x"),
        "/%C3%BC.mp4": status(200, body=b"x"),
        "/a%20b%23c%3F.mp4": status(200, body=b"x"),
    }
    await fetch(site, make_settings(), tmp_path, path)
    assert site.requests[0].lower().startswith(b"get " + asked + b" ")


@pytest.mark.parametrize("limit", ["fetch_read_timeout_s", "fetch_total_timeout_s"])
async def test_a_silent_server_is_given_up(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, limit: str
) -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab")
        await writer.drain()
        await site.over.wait()

    site.answers["/a"] = silent
    with pytest.raises(TimedOut, match=r"media\.test"):
        await fetch(site, make_settings(**{limit: 0.3}), tmp_path)
    assert left(tmp_path) == []


async def test_a_drip_feed_ends_with_the_total_time(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    site.answers["/a"] = drip
    with pytest.raises(TimedOut):
        await fetch(site, make_settings(fetch_total_timeout_s=0.5), tmp_path)


async def test_a_host_without_an_address_is_unreadable(tmp_path: Path) -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(SourceUnreadable, match=r"nowhere\.test"):
        await download(
            "http://nowhere.test/a", tmp_path / "in", Settings(), network=Network(unknown)
        )


async def test_an_upload_puts_the_bytes_with_their_length(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path
) -> None:
    site.answers["/out"] = [status(503), status(200)]
    source = tmp_path / "out.mp4"
    source.write_bytes(b"0123456789")
    url = f"http://media.test:{site.port}/out?X-Amz-Signature=s"
    await upload(url, source, make_settings(), content_type="video/mp4", network=LOCAL)
    request = site.requests[-1]
    assert request.startswith(b"PUT /out?X-Amz-Signature=s ")
    assert request.endswith(b"\r\n\r\n0123456789")
    assert b"content-type: video/mp4" in request.lower()
    assert b"transfer-encoding" not in request.lower()


@pytest.mark.parametrize("answer", [status(403), status(404), redirect("/x", 307)])
async def test_a_refused_upload_names_the_destination_without_its_signature(
    site: Loopback, make_settings: MakeSettings, tmp_path: Path, answer: bytes
) -> None:
    site.answers["/out"] = answer
    (tmp_path / "f").write_bytes(b"1")
    url = f"http://media.test:{site.port}/out?sig=hidden"
    with pytest.raises(OutputUnwritable, match=r"media.test:\d+/out") as caught:
        await upload(url, tmp_path / "f", make_settings(), network=LOCAL)
    assert "hidden" not in caught.value.message
