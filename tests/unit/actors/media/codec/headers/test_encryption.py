"""Encrypted files are named as such, whatever FFmpeg makes of them."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from reelyard.actors.media.codec.headers.encryption import refuse_scrambled
from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.sniff import Sniffed
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import UnsupportedFormat
from tests.unit.actors.media.photos import box

CENC = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}

MOVIE = box("free") + box(
    "moov",
    box("trak", box("mdia", box("minf", box("stbl", box("stsd", bytes(8), box("drms")))))),
)


def test_an_encrypted_film_is_said_to_be_encrypted(tmp_path: Path) -> None:
    plain = make_sample(tmp_path / "plain.mp4", duration_s=1)
    with (
        av.open(str(plain)) as source,
        av.open(str(tmp_path / "a.mp4"), "w", options=CENC) as out,
    ):
        links = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = links[packet.stream_index]
                out.mux(packet)
    with pytest.raises(UnsupportedFormat, match=r"a\.mp4' is encrypted"):
        probe_media(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("demuxer", "data"),
    [
        ("mpegts", (b"\x47\x40\x11\x90" + bytes(184)) * 50),
        ("mpeg", b"\0\0\1\xba" + bytes(10) + b"\0\0\1\xe0\x07\xec\xb1" + bytes(100)),
        ("oma", b"ea3\x03\0\0\0\0\0\x10" + bytes(16) + b"EA3\x01\0\x60\0\x01" + bytes(100)),
        ("mxf", bytes(80) + bytes.fromhex("060e2b34040101070d010301020b0100") + bytes(80)),
        ("asf", bytes(16) + b"\xff" + bytes(9) + bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e")),
        ("mov", MOVIE),
    ],
)
def test_each_container_tells_that_it_is_encrypted(
    tmp_path: Path, demuxer: str, data: bytes
) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UnsupportedFormat, match="encrypted"):
        refuse_scrambled(tmp_path / "a", Sniffed(demuxer, demuxer), "a")


@pytest.mark.parametrize(
    ("demuxer", "data"),
    [
        ("mpegts", (b"\x47\x40\x11\x10" + bytes(184)) * 50),
        ("mpeg", b"\0\0\1\xba" + bytes(10) + b"\0\0\1\xe0\x07\xec\x81" + bytes(100)),
        ("oma", b"EA3\x01\0\x60\xff\xff" + bytes(100)),
        ("mov", b"\0\0\0\x10moov\0\0\0\xff"),
        ("mp3", b"anything"),
    ],
)
def test_other_files_pass(tmp_path: Path, demuxer: str, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    refuse_scrambled(tmp_path / "a", Sniffed(demuxer, demuxer), "a")
