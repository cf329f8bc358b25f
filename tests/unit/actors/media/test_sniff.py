"""The format of a file by its first bytes."""

from __future__ import annotations

import io
import os
import re
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from av.format import ContainerFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from reelyard.actors.media.format_signatures import (
    AUDIO,
    GAMES,
    IFF,
    IMAGES,
    MEDIA,
    REFUSED,
    RIFF,
    Signature,
)
from reelyard.actors.media.sniff import Sniffed, identify, sniff
from reelyard.cluster.errors import (
    CorruptMedia,
    MediaError,
    SourceNotFound,
    SourceUnreadable,
    UnsupportedFormat,
)


def test_missing_files_folders_and_devices_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"gone\.mp4"):
        identify(tmp_path / "gone.mp4")
    with pytest.raises(SourceNotFound):
        identify(tmp_path / "gone.mp4" / "deeper.mp4")
    with pytest.raises(SourceUnreadable, match="folder"):
        identify(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SourceUnreadable, match="regular"):
        identify(tmp_path / "pipe.mp4")


_BEGINNINGS = st.sampled_from(
    [
        *[b"".join(magic for _, magic in row.parts) for row in (*MEDIA, *AUDIO, *IMAGES)],
        *(b"ID3\4\0\0", b"\0\0\1\xb0", b"\xff\xd8\xff", b"\0\0\0\x18ftyp"),
        *(b"RIFF\0\0\0\0", b"FORM\0\0\0\0", b"FORM\0\0\0\0ILBM", b"#define a_width "),
        *(b"\x80\0", b"\0\0\x80", b"\xff\xf1", b"\xff\xfb", b"\x56\xe0", b"G", b"%PDF", b"<svg"),
    ]
)


@given(st.tuples(_BEGINNINGS | st.just(b""), st.binary(max_size=3000)).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_either_identified_or_refused_as_media_errors(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.bin"
    path.write_bytes(data)
    with path.open("rb") as file, suppress(MediaError):
        assert sniff(file, "fuzz").format


def test_a_file_name_that_no_system_allows_does_not_exist() -> None:
    with pytest.raises(SourceNotFound):
        identify(Path("a\0b.mp4"))


@pytest.mark.parametrize(
    ("first_bytes", "format"),
    [
        (b"\0\0\0\1\x09\xf0", "h264"),
        (b"\0\0\0\1\x67\x64", "h264"),
        (b"\0\0\1\x06\x05\xff", "h264"),
        (b"\0\0\0\1\x40\1", "hevc"),
        (b"\0\0\1\x46\1\x50", "hevc"),
        (b"\0\0\1\xba\x44\0", "mpeg"),
    ],
)
def test_bare_streams_are_known_by_their_first_unit(
    tmp_path: Path, first_bytes: bytes, format: str
) -> None:
    (tmp_path / "a").write_bytes(first_bytes + bytes(100))
    assert identify(tmp_path / "a").format == format


def _identified(tmp_path: Path, first_bytes: bytes, name: str = "a") -> Sniffed:
    (tmp_path / name).write_bytes(first_bytes + b"\x55" * 100)
    return identify(tmp_path / name)


@pytest.mark.parametrize(
    "demuxer",
    sorted(
        {row.demuxer for row in (*MEDIA, *AUDIO, *GAMES, *IMAGES) if row.demuxer}
        | {demuxer for demuxer, _ in (*RIFF.values(), *IFF.values())}
    ),
)
def test_every_format_that_is_taken_has_a_reader(demuxer: str) -> None:
    assert ContainerFormat(demuxer, "r").is_input


@pytest.mark.parametrize(
    "row", [*MEDIA, *AUDIO, *GAMES, *IMAGES, *REFUSED], ids=lambda row: row.format
)
def test_every_signature_is_found_and_by_no_other(tmp_path: Path, row: Signature) -> None:
    data = bytearray(b"\x55" * 4096)
    for offset, magic in row.parts:
        data[offset : offset + len(magic)] = magic
    if row in REFUSED:
        with pytest.raises(UnsupportedFormat, match=re.escape(row.format)):
            _identified(tmp_path, bytes(data))
    else:
        found = _identified(tmp_path, bytes(data))
        assert (found.demuxer, found.format) == (row.demuxer, row.format)


@pytest.mark.parametrize(
    ("first_bytes", "format"),
    [
        (b"\0\0\1\xb0\1\0\0\1\xb5\x89", "m4v"),
        (b"\0\0\1\0\0\0\1\x20\0", "m4v"),
        (b"\0\0\0\1\0\x79\0", "vvc"),
        (b"\0\0\x80\x02\x1c", "h263"),
        (b"\x80\0\0\x24" + bytes(30) + b"(c)CRI", "adx"),
        (b"RIFF\0\0\0\0QLCM", "qcp"),
        (b"RIFX\0\0\0\0WAVE", "wav"),
        (b"FORM\0\0\0\x108SVXVHDR", "8svx"),
        (b"\xff\xd8\xff\xe8\0\x04\0\0\xff\xf7\0\x0b", "jpegls"),
        (b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x0b", "jpeg"),
        (bytes(300) + b"\xff\xfb\x90\x64", "mp3"),
        (b"\0\0\0\x18uuid" + bytes(16), "mov"),
    ],
)
def test_formats_are_told_by_more_than_a_fixed_mark(
    tmp_path: Path, first_bytes: bytes, format: str
) -> None:
    assert _identified(tmp_path, first_bytes).format == format


@pytest.mark.parametrize(
    ("name", "first_bytes", "called"),
    [
        ("a.mid", b"RIFF\0\0\0\0RMIDdata", "a MIDI file"),
        ("a.sf2", b"RIFF\0\0\0\0sfbkLIST", "a RIFF file of the kind 'sfbk'"),
        ("a.iff", b"FORM\0\0\0\0SMUS", "an IFF file of the kind 'SMUS'"),
        ("a.aax", b"\0\0\0\x18ftypaax ", "Audible audiobook"),
        ("a.cr3", b"\0\0\0\x18ftypcrx ", "raw image"),
        ("a.avs2", b"\0\0\1\xb0\x20\x22\x80", "AVS"),
        ("a.gsm", b"\xd1\xd2\xd3", "raw GSM speech"),
        ("a.PCM", b"\x10\x20", "raw samples"),
        ("a.srt", b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHello", "subtitles"),
        ("a.vtt", b"WEBVTT\n\n", "subtitles"),
    ],
)
def test_formats_that_are_not_taken_are_called_by_their_name(
    tmp_path: Path, name: str, first_bytes: bytes, called: str
) -> None:
    with pytest.raises(UnsupportedFormat, match=called):
        _identified(tmp_path, first_bytes, name)


@pytest.mark.parametrize("size", [188, 192, 204])
@pytest.mark.parametrize("cut", [1, 44, 187])
def test_a_transport_stream_may_begin_inside_a_packet(size: int, cut: int) -> None:
    packet = b"\x47\x01\x00" + bytes(range(5, 90))
    stream = (packet + bytes(size - len(packet))) * 30
    assert sniff(io.BytesIO(stream[cut:]), "a.bin").demuxer == "mpegts"
    with pytest.raises(CorruptMedia):
        sniff(io.BytesIO(stream[cut : cut + 6 * size]), "a.bin")


def _tiff(order: str, *directories: dict[int, tuple[int, int]]) -> bytes:
    """A TIFF of chained directories of one-valued entries: tag, (type, value)."""
    made = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    for number, entries in enumerate(directories, start=1):
        made += struct.pack(order + "H", len(entries))
        for tag, (kind, value) in sorted(entries.items()):
            form = "HHIHxx" if kind == 3 else "HHII"
            made += struct.pack(order + form, tag, kind, 1, value)
        following = len(made) + 4 if number < len(directories) else 0
        made += struct.pack(order + "I", following)
    return made


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_with_samples_of_a_sensor_is_a_camera_s_raw_image(order: str) -> None:
    size = {256: (4, 8), 257: (4, 8), 262: (3, 2)}
    plain = _tiff(order, size, size)
    assert sniff(io.BytesIO(plain), "a.tif").format == "tiff"
    second = len(_tiff(order, size | {330: (4, 0)}))
    raws = (
        _tiff(order, size | {50706: (4, 1)}),
        _tiff(order, size, {262: (3, 32803)}),
        # In a directory of its own, as Nikon and Sony have it.
        _tiff(order, size | {330: (4, second)}) + _tiff(order, {262: (3, 34892)})[8:],
    )
    for raw in raws:
        with pytest.raises(UnsupportedFormat, match="raw image"):
            sniff(io.BytesIO(raw), "a.tif")


@given(st.binary(max_size=200))
def test_directories_of_a_tiff_may_be_anything(rest: bytes) -> None:
    with suppress(UnsupportedFormat):
        assert sniff(io.BytesIO(b"II*\0\x08\0\0\0" + rest), "a.tif").format == "tiff"
