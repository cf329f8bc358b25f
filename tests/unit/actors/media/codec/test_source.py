"""An input opened safely, or refused with the error that names why."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.operation import Limits
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    CorruptMedia,
    EmptySource,
    LimitExceeded,
    MediaError,
    UnsupportedFormat,
)

PLAYLIST = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nself.m3u8\n"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptySource),
        (b"x", CorruptMedia),
        (b"Dear reader, this is no video.\n" * 20, CorruptMedia),
        (b'{"error": "not found"}', CorruptMedia),
        (bytes(100_000), CorruptMedia),
        (PLAYLIST, UnsupportedFormat),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", UnsupportedFormat),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\n", UnsupportedFormat),
        (b'<?xml version="1.0"?><MPD></MPD>', CorruptMedia),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedFormat),
        (b"MThd\0\0\0\6\0\0\0\1\0\x60", UnsupportedFormat),
        (b"PK\3\4" + bytes(60), UnsupportedFormat),
        (b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(60), CorruptMedia),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", MediaError),
        (b"\0\0\0\x20ftypisom" + b"\0\0\0\1moov\xff\xff\xff\xff\xff\xff\xff\xff", MediaError),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".jpg", ".wav"])
def test_what_is_no_media_is_refused_whatever_its_suffix(
    tmp_path: Path, content: bytes, error: type[MediaError], suffix: str
) -> None:
    path = tmp_path / f"clip{suffix}"
    path.write_bytes(content)
    with pytest.raises(error, match="clip") as caught:
        probe_media(path)
    assert str(tmp_path) not in caught.value.message


def test_a_playlist_behind_media_bytes_is_not_opened_as_a_playlist(tmp_path: Path) -> None:
    path = tmp_path / "list.mp3"
    path.write_bytes(b"ID3\4\0\0\0\0\0\0" + PLAYLIST)
    with pytest.raises(MediaError):
        probe_media(path, check=True)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (Limits(max_pixels=320 * 180 - 1), "max_pixels"),
        (Limits(max_streams=1), "max_streams"),
    ],
)
def test_limits_are_checked_from_the_header(tmp_path: Path, limits: Limits, named: str) -> None:
    path = make_sample(tmp_path / "clip.mp4", duration_s=1)
    with pytest.raises(LimitExceeded) as caught, open_input(path, limits):
        pass
    assert caught.value.details["limit"] == named


def test_limits_let_pass_what_just_fits(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "clip.mp4", duration_s=1)
    limits = Limits(max_pixels=320 * 180, max_duration_s=1, max_streams=2)
    with open_input(path, limits) as container:
        assert len(container.streams) == 2


def test_an_image_of_900_megapixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    data += struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 0) + b"IDAT" + bytes(4)
    path = tmp_path / "bomb.png"
    path.write_bytes(data)
    with pytest.raises(LimitExceeded, match=r"bomb\.png.* 900000000 pixels"):
        probe_media(path)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.ts", "mpeg2video"), ("a.avi", "mpeg4"), ("a.webm", "libvpx-vp9"), ("a.mp4", "libx264")],
)
def test_a_frame_too_large_is_named_with_its_size_though_nothing_was_decoded(
    tmp_path: Path, name: str, codec: str
) -> None:
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with (
        pytest.raises(LimitExceeded, match="64 x 48 pixels"),
        open_input(tmp_path / name, Limits(max_pixels=64 * 48 - 1)),
    ):
        pass
    with open_input(tmp_path / name, Limits(max_pixels=100_000)) as container:
        assert next(container.decode(video=0)).width == 64


def test_a_header_that_tells_too_small_a_size_lets_nothing_through(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.webm", duration_s=0.2, audio=False)
    content = bytearray(path.read_bytes())
    for element in (b"\xb0\x82", b"\xba\x81"):  # PixelWidth of two bytes, PixelHeight of one
        at = content.index(element) + 2
        content[at : at + element[1] - 0x80] = (16).to_bytes(element[1] - 0x80, "big")
    path.write_bytes(content)
    with (
        pytest.raises(LimitExceeded, match="another size than its header tells"),
        open_input(path, Limits(max_pixels=10_000)),
    ):
        pass
