"""The files that jobs are made of, and the loopback host that serves them, or never answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override
from urllib.parse import urlsplit

from benchmarks.fault_run.schedule import Kind, PlannedJob
from reelyard.actors.testing.sample_media import make_sample

HANGING_PATH = "/hanging.mp4"
CLIPS = ("a.mp4", "b.mp4", "c.mkv")
SOUNDS = ("a.wav", "b.flac")
BROKEN = ("cut.mp4", "text.mp4", "noise.mkv")


def make_sources(folder: Path) -> None:
    """Short clips and sounds, and files that can't be worked on."""
    folder.mkdir(parents=True)
    for number, name in enumerate(CLIPS):
        make_sample(folder / name, duration_s=2.0 + number, width=426, height=240)
    for name in SOUNDS:
        make_sample(folder / name, duration_s=6.0)
    make_sample(folder / "cut.mp4", duration_s=2.0, keep=0.6)
    (folder / "text.mp4").write_text("no video at all\n" * 400)
    (folder / "noise.mkv").write_bytes(b"\x1aE\xdf\xa3" + bytes(range(256)) * 64)


def body_of(job: PlannedJob, host: str) -> dict[str, Any]:
    """The request for a job; `host`: where the sources are."""
    body: dict[str, Any] = {"metadata": {"number": job.number, "kind": job.kind}}
    clip, number = f"{host}/{CLIPS[job.number % len(CLIPS)]}", job.number
    match job.kind:
        case Kind.TRANSCODE:
            params = {"height": 120 + 2 * (number % 30), "preset": "veryfast"}
            return body | {"operation": "transcode", "url": clip, "params": params}
        case Kind.THUMBNAIL:
            params = {"preview_type": "thumbnail", "width": 160 + number % 100}
            return body | {"operation": "preview", "url": clip, "params": params}
        case Kind.AUDIO:
            url = f"{host}/{SOUNDS[number % len(SOUNDS)]}"
            return body | {"operation": "transcode", "url": url, "params": {"format": "mp3"}}
        case Kind.BROKEN:
            url = f"{host}/{BROKEN[number % len(BROKEN)]}"
            return body | {"operation": "transcode", "url": url}
        case Kind.HANGING:
            return body | {"operation": "transcode", "url": host + HANGING_PATH}
        case Kind.POISON:
            return body | {"operation": "poison"}


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, over: threading.Event, **keywords: Any) -> None:
        self._over = over
        super().__init__(*args, **keywords)

    @override
    def do_GET(self) -> None:
        if self.path == HANGING_PATH:
            self._over.wait()
            return
        super().do_GET()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    @override
    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True  # whoever read was killed


@contextmanager
def file_host(folder: Path) -> Iterator[str]:
    """The URL of a host on loopback for the files in `folder`, beside one that never answers."""
    over = threading.Event()
    handler = partial(_Handler, directory=str(folder), over=over)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def allowed_host(url: str) -> str:
    """As the setting `fetch_allow_hosts` wants it."""
    return urlsplit(url).netloc
