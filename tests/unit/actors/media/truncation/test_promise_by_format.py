"""What files of each format promise of their end."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reelyard.actors.media.sniff import Sniffed, identify
from reelyard.actors.media.truncation.ebml import matroska_promise
from reelyard.actors.media.truncation.other_formats import mp3_promise
from reelyard.actors.media.truncation.promise import HeaderReader, Promise
from reelyard.actors.media.truncation.promise_by_format import _READINGS, promise_of
from reelyard.actors.media.truncation.riff import au_promise, wav_promise, wave64_promise
from reelyard.actors.testing.sample_media import make_sample

VIDEO = [".mp4", ".mov", ".mkv", ".webm", ".avi", ".flv", ".asf", ".mxf"]
AUDIO = [".wav", ".aiff", ".caf", ".au", ".w64", ".m4a", ".mp3"]
KNOWS_LENGTH = {".flv", ".asf", ".avi", ".wav", ".caf", ".w64", ".mp3"}
CODECS = {".flv": "flv1", ".asf": "wmv2", ".mxf": "mpeg2video"}


def written(folder: Path, suffix: str) -> Path:
    """4 s in a container of that kind."""
    path = folder / f"a{suffix}"
    if suffix in (".caf", ".au", ".w64"):
        codec = {".w64": "pcm_s16le"}.get(suffix, "pcm_s16be")
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=48_000, layout="mono")
            assert isinstance(stream, av.AudioStream)
            frame = av.AudioFrame("s16", "mono", 192_000)
            frame.sample_rate = 48_000
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return path
    vcodec = CODECS.get(suffix)
    audio = suffix not in CODECS
    return make_sample(
        path, duration_s=4, width=64, height=48, vcodec=vcodec, audio=audio, faststart=True
    )


def kind_of(path: Path) -> Sniffed:
    return Sniffed("w64", "w64") if path.suffix == ".w64" else identify(path)


@pytest.mark.parametrize("suffix", [*VIDEO, *AUDIO])
def test_a_file_points_behind_its_end_once_a_part_of_it_is_missing(
    tmp_path: Path, suffix: str
) -> None:
    path = written(tmp_path, suffix)
    data = path.read_bytes()
    assert not promise_of(path, kind_of(path)).missing_bytes
    path.write_bytes(data[: len(data) * 6 // 10])
    promise = promise_of(path, kind_of(path))
    assert promise.missing_bytes == pytest.approx(len(data) * 0.4, rel=0.2)
    if suffix in KNOWS_LENGTH:
        assert promise.duration_s == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_an_ogg_file_without_its_last_page_has_an_open_end(tmp_path: Path, suffix: str) -> None:
    path = make_sample(tmp_path / f"a{suffix}", duration_s=4)
    data = path.read_bytes()
    assert promise_of(path, identify(path)) == Promise()
    for keep in (len(data) // 2, data.rindex(b"OggS")):
        path.write_bytes(data[:keep])
        assert promise_of(path, identify(path)) == Promise(open_end=True)


def test_segments_that_an_index_lists_are_missed_even_if_the_file_ends_between_two(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.mp4"
    source = make_sample(tmp_path / "b.mp4", duration_s=4, gop=25, audio=False)
    options = {"movflags": "dash+global_sidx", "frag_duration": "1000000"}
    with av.open(str(source)) as given, av.open(str(path), "w", options=options) as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    data = path.read_bytes()
    assert b"sidx" in data
    assert not promise_of(path, identify(path)).missing_bytes
    last = data.rindex(b"moof") - 4
    path.write_bytes(data[:last])
    assert promise_of(path, identify(path)).missing_bytes > 0


def test_sizes_that_say_unknown_promise_nothing() -> None:
    head = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 8, 16, 2, 16)
    for size in (0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000):
        data = head + b"data" + struct.pack("<I", size) + bytes(100)
        assert wav_promise(HeaderReader(BytesIO(data))) == Promise()
    au = b".snd" + struct.pack(">IIIII", 24, 0xFFFFFFFF, 3, 8000, 1) + bytes(100)
    assert au_promise(HeaderReader(BytesIO(au))) == Promise()
    live = bytes.fromhex("1a45dfa380 18538067 01ffffffffffffff 1f43b675 01ffffffffffffff") + b"\xa3"
    assert matroska_promise(HeaderReader(BytesIO(live))) == Promise()


def test_a_cluster_that_is_not_whole_is_missed_in_a_segment_of_unknown_size() -> None:
    live = bytes.fromhex("1a45dfa380 18538067 01ffffffffffffff 1f43b675 8a") + bytes(4)
    assert matroska_promise(HeaderReader(BytesIO(live))).missing_bytes == 6


def test_rf64_has_its_size_in_64_bits() -> None:
    form = b"fmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 8, 16, 2, 16)
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, 1600, 0, 0)
    data = b"RF64\xff\xff\xff\xffWAVE" + sizes + form + b"data\xff\xff\xff\xff" + bytes(800)
    assert wav_promise(HeaderReader(BytesIO(data))) == Promise(100.0, 800)


def test_an_mp3_without_a_count_promises_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    with av.open(str(path), "w", options={"write_xing": "0"}) as out:
        stream = out.add_stream("libmp3lame", rate=44_100, layout="mono")
        frame = av.AudioFrame("fltp", "mono", 44_100)
        frame.sample_rate = 44_100
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with path.open("rb") as file:
        assert mp3_promise(HeaderReader(file)) == Promise()


@given(st.sampled_from(sorted(_READINGS)), st.binary(max_size=300))
def test_no_header_however_odd_is_more_than_a_promise(demuxer: str, data: bytes) -> None:
    magic = {"wav": b"RIFF\0\0\0\0WAVE", "flv": b"FLV\1\5\0\0\0\t\0\0\0\0\x12", "rm": b".RMF"}
    file = HeaderReader(BytesIO(magic.get(demuxer, b"") + data))
    assert isinstance(_READINGS[demuxer](file), Promise)
    assert wave64_promise(file).missing_bytes >= 0


def _promise_of(path: Path) -> Promise:
    return promise_of(path, identify(path))


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_shows_its_end(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    images = [Image.effect_noise((64, 48), 10 * n).convert("RGB") for n in range(1, 5)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=100)
    whole = path.read_bytes()
    assert _promise_of(path) == Promise()
    path.write_bytes(whole + bytes(20))
    assert _promise_of(path) == Promise()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    promise = _promise_of(path)
    assert promise.missing_bytes if suffix == ".webp" else promise.open_end


def test_a_row_of_blocks_tells_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.voc"
    head = b"Creative Voice File\x1a" + bytes((26, 0, 10, 1, 0x29, 0x11))
    blocks = b"\x01" + (102).to_bytes(3, "little") + bytes((131, 0)) + bytes(100)
    for whole in (head + blocks * 3, head + blocks * 3 + b"\0"):
        path.write_bytes(whole)
        assert _promise_of(path) == Promise()
    path.write_bytes(head + blocks * 2 + blocks[:40])
    assert _promise_of(path) == Promise(missing_bytes=len(blocks) - 40)


def test_a_flash_film_tells_its_size(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.swf", duration_s=1, vcodec="flv1", audio=False)
    whole = path.read_bytes()
    assert _promise_of(path) == Promise()
    path.write_bytes(whole[:-100])
    assert _promise_of(path) == Promise(missing_bytes=100)
