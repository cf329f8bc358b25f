"""Whatever is sent: a clear error of a known code, a worker that lives, and no half file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import requests

from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import error_classes
from tests.live_server import LiveServer

STATUS = {cls.code: cls.http_status for cls in error_classes()}


def huge_png(path: Path) -> None:
    """A well-formed header of 30,000 x 30,000 pixels, and a little data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(90_001) * 8)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def unknown_codec(path: Path, clip: Path) -> None:
    """The clip with a sample entry that no decoder knows."""
    path.write_bytes(clip.read_bytes().replace(b"avc1", b"zzz1"))


@pytest.fixture(scope="module")
def hostile(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    clip = clips / "clip.mp4"
    (folder / "folder.mp4").mkdir()
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is no video\n" * 100)
    (folder / "playlist.mp4").write_text(
        "#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    )
    (folder / "concat.txt").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    make_sample(folder / "start.mp4", duration_s=4.0, faststart=True)
    whole = (folder / "start.mp4").read_bytes()
    (folder / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "cut.mp4").write_bytes(clip.read_bytes()[:2000])
    huge_png(folder / "huge.png")
    unknown_codec(folder / "codec.mp4", clip)
    return folder


CASES = [
    ("probe", "none.mp4", {}, {"source_not_found"}),
    ("probe", "folder.mp4", {}, {"source_unreadable"}),
    ("transcode", "empty.mp4", {}, {"empty_source"}),
    ("transcode", "text.mp4", {}, {"corrupt_media", "unsupported_format"}),
    ("transcode", "cut.mp4", {}, {"corrupt_media"}),
    ("transcode", "truncated.mp4", {}, {"truncated_media"}),
    ("transcode", "codec.mp4", {}, {"unsupported_codec"}),
    ("image", "huge.png", {}, {"limit_exceeded"}),
    ("probe", "playlist.mp4", {}, {"unsupported_format"}),
    ("transcode", "concat.txt", {}, {"unsupported_format", "corrupt_media"}),
    ("enhance", "{clips}/photo.jpg", {}, {"no_such_stream"}),
    ("transcode", "{clips}/photo.jpg", {"format": "mp3"}, {"no_such_stream"}),
    ("image", "text.mp4", {}, {"corrupt_media", "unsupported_format"}),
]


@pytest.mark.parametrize(
    ("operation", "name", "params", "codes"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
def test_media_that_can_not_work_fails_the_job_with_a_code_and_its_name(
    yard: LiveServer,
    clips: Path,
    hostile: Path,
    operation: str,
    name: str,
    params: dict[str, Any],
    codes: set[str],
) -> None:
    path = Path(name.format(clips=clips)) if "{" in name else hostile / name
    out = hostile / f"{operation}-out"
    body = {"operation": operation, "input": str(path), "params": params, "output": f"{out}/"}
    job = requests.post(f"{yard.url}/v1/jobs", json=body, timeout=30)
    assert job.status_code == 202, job.text
    place = f"{yard.url}/v1/jobs/{job.json()['job_id']}"
    ended = requests.get(place, params={"wait": "25"}, timeout=60).json()
    assert ended["state"] == "failed", ended
    assert ended["error"]["code"] in codes
    assert path.name in ended["error"]["message"]
    assert 400 <= STATUS[ended["error"]["code"]] < 500
    assert not out.exists() or not list(out.iterdir())
    assert {attempt["outcome"] for attempt in ended["tasks"][0]["attempts"]} == {"failed"}


def test_an_output_that_can_not_be_written_is_named(yard: LiveServer, clips: Path) -> None:
    body = {
        "operation": "preview",
        "input": str(clips / "clip.mp4"),
        "params": {"preview_type": "thumbnail"},
        "output": "/proc/nowhere/x.jpg",
    }
    job = requests.post(f"{yard.url}/v1/jobs", json=body, timeout=30).json()
    place = f"{yard.url}/v1/jobs/{job['job_id']}"
    ended = requests.get(place, params={"wait": "25"}, timeout=60).json()
    assert ended["error"]["code"] == "output_unwritable"
    assert "/proc/nowhere" in ended["error"]["message"]


REFUSED = [
    ({"operation": "sketch", "url": "https://example.com/a.mp4"}, 422, "unknown_operation"),
    ({"operation": "transcode"}, 400, "invalid_input"),
    (
        {"operation": "transcode", "url": "https://e.com/a", "params": {"fps": 61}},
        422,
        "validation_error",
    ),
    (
        {"operation": "transcode", "url": "https://e.com/a", "params": {"start": 9, "end": 2}},
        422,
        "validation_error",
    ),
    (
        {"operation": "transcode", "url": "https://e.com/a", "params": {"codec": "divx"}},
        422,
        "validation_error",
    ),
    (
        {
            "operation": "transcode",
            "url": "https://e.com/a",
            "params": {"format": "webm", "codec": "h264"},
        },
        422,
        "validation_error",
    ),
    ({"operation": "probe", "url": "gopher://e.com/a"}, 400, "invalid_input"),
    ({"operation": "probe", "url": "https://e.com/a", "webhook_url": "https://e.com"}, 422, None),
]


@pytest.mark.parametrize(("body", "status", "code"), REFUSED)
def test_a_request_that_can_not_work_is_refused_before_it_is_accepted(
    yard: LiveServer, body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = requests.post(f"{yard.url}/v1/jobs", json=body, timeout=30)
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])


def test_the_workers_are_still_the_same_after_all_that(yard: LiveServer, clips: Path) -> None:
    body = {"operation": "probe", "input": str(clips / "clip.mp4")}
    job = requests.post(f"{yard.url}/v1/jobs", json=body, timeout=30).json()
    place = f"{yard.url}/v1/jobs/{job['job_id']}"
    ended = requests.get(place, params={"wait": "25"}, timeout=60).json()
    assert ended["state"] == "succeeded"
    overview = requests.get(f"{yard.url}/v1/admin/overview", timeout=30).json()
    assert overview["lease_expiries"] == 0
