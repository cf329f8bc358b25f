"""Time stamps read from bytes, beside those that a demuxer gives."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.codec.timing.raw_stamps import raw_stamps
from reelyard.actors.media.codec.timing.stamp_bridge import keeps_together
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.videos import joined, restamped


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 s of H.264 with B frames, and AAC."""
    return make_sample(tmp_path_factory.mktemp("clip") / "a.mp4", gop=10)


def stamps(path: Path, demuxer: str) -> list[tuple[int, float]]:
    found = raw_stamps(path, demuxer)
    assert found is not None
    return found


def muxed(path: Path, muxer: str, video: str, audio: str, **options: str) -> Path:
    """A second of video and audio in these codecs."""
    with av.open(str(path), "w", format=muxer, options=options) as out:
        pictures = out.add_stream(video, rate=25)
        assert isinstance(pictures, av.VideoStream)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream(audio, rate=48_000, layout="stereo")
        assert isinstance(sound, av.AudioStream)
        for _ in range(25):
            out.mux(pictures.encode(av.VideoFrame(64, 48, "yuv420p")))
            samples = av.AudioFrame(sound.format.name, "stereo", 1920)
            samples.sample_rate = 48_000
            for plane in samples.planes:
                plane.update(bytes(plane.buffer_size))
            out.mux(sound.encode(samples))
        out.mux(pictures.encode(None))
        out.mux(sound.encode(None))
    return path


def decoding_times(path: Path, demuxer: str) -> dict[int, set[float]]:
    """By the stream's own number (its PID, or its kind), to 1/100 s."""
    found: dict[int, set[float]] = {}
    with av.open(str(path), format=demuxer) as container:
        for packet in container.demux():
            if packet.dts is not None and packet.size:
                # FFmpeg keeps the whole start code of a program stream's packets.
                number = packet.stream.id & (0xFF if demuxer == "mpeg" else -1)
                times = found.setdefault(number, set())
                times.add(round(float(packet.dts * packet.time_base), 2))
    return found


@pytest.mark.parametrize("options", [{}, {"mpegts_m2ts_mode": "1"}])
def test_a_transport_stream_s_stamps_are_those_of_its_frames(
    clip: Path, tmp_path: Path, options: dict[str, str]
) -> None:
    path = tmp_path / "a.ts"
    with av.open(str(clip)) as source, av.open(str(path), "w", options=options) as out:
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    found, expected = stamps(path, "mpegts"), decoding_times(path, "mpegts")
    assert {stream for stream, _ in found} == set(expected)
    for stream, times in expected.items():
        told = {round(at, 2) for number, at in found if number == stream}
        # A PES packet of audio holds several frames.
        assert told <= times
        assert len(told) > 5


@pytest.mark.parametrize(("muxer", "video"), [("vob", "mpeg2video"), ("mpeg", "mpeg1video")])
def test_a_program_stream_s_stamps_are_those_of_its_packets(
    tmp_path: Path, muxer: str, video: str
) -> None:
    path = muxed(tmp_path / "a.mpg", muxer, video, "mp2")
    found, expected = stamps(path, "mpeg"), decoding_times(path, "mpeg")
    assert {stream for stream, _ in found} == set(expected)
    for stream, times in expected.items():
        assert {round(at, 2) for number, at in found if number == stream} <= times
    assert keeps_together(found)


def test_the_positions_of_ogg_pages_are_times(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.ogg", duration_s=3.0, acodec="flac")
    times = [at for _, at in stamps(path, "ogg")]
    assert all(0 <= later - sooner <= 1.1 for sooner, later in pairwise(times))
    assert times[-1] == pytest.approx(3.0, abs=0.1)


def test_ogg_files_joined_or_with_a_page_less_are_unclear(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.ogg", duration_s=4.0, acodec="flac")
    assert raw_stamps(path, "ogg") is not None
    assert raw_stamps(joined(tmp_path / "b.ogg", path, path), "ogg") is None
    pages = path.read_bytes().split(b"OggS")
    assert len(pages) > 5
    (tmp_path / "c.ogg").write_bytes(b"OggS".join(pages[:4] + pages[5:]))
    assert raw_stamps(tmp_path / "c.ogg", "ogg") is None


def test_opus_that_begins_before_0_is_unclear(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.opus")
    assert raw_stamps(path, "ogg") is None
    data = path.read_bytes()
    skipped = data.index(b"OpusHead") + 10
    (tmp_path / "b.opus").write_bytes(data[:skipped] + b"\0\0" + data[skipped + 2 :])
    assert raw_stamps(tmp_path / "b.opus", "ogg") is not None


@pytest.mark.parametrize("offset_s", [95_443.7 - 5, 95_443.7 - 1])
def test_stamps_near_the_overflow_of_33_bits_are_unclear(
    clip: Path, tmp_path: Path, offset_s: float
) -> None:
    assert raw_stamps(restamped(clip, tmp_path / "a.ts", offset_s), "mpegts") is None


def test_stamps_that_jump_do_not_keep_together(clip: Path, tmp_path: Path) -> None:
    first, later = restamped(clip, tmp_path / "a.ts", 0), restamped(clip, tmp_path / "b.ts", 60)
    assert keeps_together(stamps(first, "mpegts"))
    assert not keeps_together(stamps(joined(tmp_path / "c.ts", first, first), "mpegts"))
    assert not keeps_together(stamps(joined(tmp_path / "d.ts", first, later), "mpegts"))


@given(data=st.binary(max_size=2000))
def test_any_bytes_are_stamps_or_unclear(tmp_path_factory: Any, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    for head in (b"", b"\0\0\1\xba", b"\0\0\1\xe0", b"OggS\0\2", b"\x47" * 188 * 2):
        path.write_bytes(head + data)
        for demuxer in ("mpegts", "mpeg", "ogg", "mov"):
            found = raw_stamps(path, demuxer)
            assert found is None or all(at < 2**33 for _, at in found if demuxer != "ogg")
