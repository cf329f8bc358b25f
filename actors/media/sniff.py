"""The format of a file and the demuxer it gets, by its first bytes alone.

The demuxer is then named to FFmpeg, which so never guesses: a playlist, a script that names other
files or a device can't be opened by whatever suffix it carries.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from cluster.errors import (
    CorruptMedia,
    EmptySource,
    SourceNotFound,
    SourceUnreadable,
    UnsupportedFormat,
)

HEAD_BYTES = 4096


@dataclass(frozen=True)
class Sniffed:
    """What a file is. `demuxer` is FFmpeg's name, empty where it has none that may be used;
    `image`: a still or animated image."""

    demuxer: str
    format: str
    image: bool = False


_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x1a\x45\xdf\xa3", "matroska", "mkv"),
    (0, b"OggS", "ogg", "ogg"),
    (0, b"fLaC", "flac", "flac"),
    (0, b"FLV\x01", "flv", "flv"),
    (0, b"caff", "caf", "caf"),
    (0, b".snd", "au", "au"),
    (0, b"#!AMR", "amr", "amr"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", "asf"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "mxf", "mxf"),
    (0, b"YUV4MPEG2", "yuv4mpegpipe", "y4m"),
    (0, b"DKIF", "ivf", "ivf"),
    (0, b"wvpk", "wv", "wv"),
    (0, b"MAC ", "ape", "ape"),
    (0, b"TTA1", "tta", "tta"),
    (0, b"\x0b\x77", "ac3", "ac3"),
    (0, b"\x7f\xfe\x80\x01", "dts", "dts"),
    (4, b"\xf8\x72\x6f\xba", "truehd", "truehd"),
    (0, b".RMF", "rm", "rm"),
    (0, b"\x00\x00\x01\xba", "mpeg", "mpeg"),
    (0, b"\x00\x00\x01\xb3", "mpegvideo", "mpegvideo"),
)
_IMAGES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"GIF87a", "gif", "gif"),
    (0, b"GIF89a", "gif", "gif"),
    (0, b"\xff\xd8\xff", "jpeg_pipe", "jpeg"),
    (0, b"BM", "bmp_pipe", "bmp"),
    (0, b"II*\x00", "tiff_pipe", "tiff"),
    (0, b"MM\x00*", "tiff_pipe", "tiff"),
    (0, b"II+\x00", "tiff_pipe", "tiff"),
    (0, b"MM\x00+", "tiff_pipe", "tiff"),
    (0, b"8BPS\x00\x01", "psd_pipe", "psd"),
    (0, b"qoif", "qoi_pipe", "qoi"),
    (0, b"\x01\xda", "sgi_pipe", "sgi"),
    (0, b"\x00\x00\x00\x0cjP  ", "j2k_pipe", "jpeg2000"),
    (0, b"\xff\x4f\xff\x51", "j2k_pipe", "jpeg2000"),
    (0, b"\x00\x00\x01\x00", "ico", "ico"),
)
_RIFF = {
    b"WAVE": Sniffed("wav", "wav"),
    b"AVI ": Sniffed("avi", "avi"),
    b"AVIX": Sniffed("avi", "avi"),
    b"WEBP": Sniffed("webp_pipe", "webp", image=True),
}
_MOV_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof"}
_BRANDS = {b"qt ": "mov", b"M4A": "m4a", b"M4B": "m4a", b"3gp": "3gp", b"3g2": "3gp"}
_IMAGE_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"hevc", b"hevx", b"msf1"}
_KNOWN_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"MThd", "MIDI"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%PDF", "a PDF document"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"DDS ", "a DDS texture"),
    (b"icns", "an icon set"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_PLAYLISTS = (
    b"#extm3u",
    b"ffconcat",
    b"[playlist]",
    b"<asx",
    b"<mpd",
    b"<smil",
    b"v=0",
    b"[reference]",
)


def identify(path: Path, name: str | None = None) -> Sniffed:
    """What the file is, by its first bytes; no decoder and no demuxer is touched.

    Raises `SourceNotFound`, `SourceUnreadable` (a folder, a device, no permission), `EmptySource`,
    `UnsupportedFormat` or `CorruptMedia`. `name` is what the file is called in messages.
    """
    name = name or path.name
    try:
        mode = path.stat()
        if stat.S_ISDIR(mode.st_mode):
            raise SourceUnreadable(f"{name!r} is a folder, not a file")
        if not stat.S_ISREG(mode.st_mode):
            raise SourceUnreadable(f"{name!r} is not a regular file")
        if mode.st_size == 0:
            raise EmptySource(f"{name!r} is empty")
        with path.open("rb") as file:
            return sniff(file, name)
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFound(f"{name!r} does not exist") from None
    except ValueError:
        raise SourceNotFound(f"{name!r} is not a possible file name") from None
    except OSError as error:
        raise SourceUnreadable(f"{name!r} can't be read", internal=repr(error)) from None


def sniff(file: BinaryIO, name: str) -> Sniffed:
    """What the open `file`, called `name`, is.

    Raises `UnsupportedFormat` for playlists and other known formats that are not taken, and
    `CorruptMedia` where the first bytes are of no media format at all.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith(b"ID3") and len(head) >= 10:
        return _behind_id3(file, head, name)
    found = _binary(head) or _by_footer(file)
    if found is None:
        _refuse(head, name)
    return found


def _by_footer(file: BinaryIO) -> Sniffed | None:
    # Targa has its signature at the end (TGA 2.0, "TGA FILE FOOTER").
    if file.seek(0, 2) > 26:
        file.seek(-18, 2)
        if file.read(16) == b"TRUEVISION-XFILE":
            return Sniffed("", "tga", image=True)
    return None


def _behind_id3(file: BinaryIO, head: bytes, name: str) -> Sniffed:
    # The size is in four bytes of seven bits (ID3v2.4, section 3.1), without the header's ten.
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 127
    file.seek(10 + size)
    rest = file.read(HEAD_BYTES)
    if not rest:
        raise CorruptMedia(f"{name!r} ends inside its ID3 tag")
    found = _binary(rest)
    if found is not None and found.demuxer in {"flac", "aac", "wav", "aiff", "tta", "ape", "ac3"}:
        return found
    return Sniffed("mp3", "mp3")


def _binary(head: bytes) -> Sniffed | None:
    for offset, magic, demuxer, short in _MAGIC:
        if head.startswith(magic, offset):
            webm = short == "mkv" and b"webm" in head[:64]
            return Sniffed(demuxer, "webm" if webm else short)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        animated = b"acTL" in head.split(b"IDAT", 1)[0]
        return Sniffed("apng" if animated else "png_pipe", "png", image=True)
    for offset, magic, demuxer, short in _IMAGES:
        if head.startswith(magic, offset):
            return Sniffed(demuxer, short, image=True)
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        if head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & 2:
            return Sniffed("webp_anim", "webp", image=True)
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Sniffed("aiff", "aiff")
    return _mov(head) or _transport(head) or _elementary(head)


def _mov(head: bytes) -> Sniffed | None:
    if head[4:8] not in _MOV_BOXES:
        return None
    if head[4:8] != b"ftyp":
        return Sniffed("mov", "mov")
    brand = head[8:12]
    if brand in (b"avif", b"avis"):
        return Sniffed("mov", "avif", image=True)
    if brand in _IMAGE_BRANDS:
        box = head[8 : int.from_bytes(head[:4], "big")]
        return Sniffed("mov", "avif" if b"avif" in box else "heic", image=True)
    return Sniffed("mov", _BRANDS.get(brand[:3], "mp4"))


def _transport(head: bytes) -> Sniffed | None:
    for size, start in ((188, 0), (192, 4), (204, 0)):
        marks = head[start : start + 5 * size : size]
        if len(marks) >= 2 and set(marks) == {0x47}:
            return Sniffed("mpegts", "mpegts")
    return None


def _elementary(head: bytes) -> Sniffed | None:
    if len(head) < 6:
        return None
    sync = head[0] << 8 | head[1]
    if sync & 0xFFF6 == 0xFFF0:
        return Sniffed("aac", "aac")
    if sync & 0xFFE0 == 0xFFE0 and sync & 0x0006 and head[2] & 0xF0 != 0xF0:
        return Sniffed("mp3", "mp3")
    if sync & 0xFFE0 == 0x56E0:
        return Sniffed("loas", "loas")
    if head.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
        # Parameter sets, a delimiter, or what x264 says of itself (table 7-1 of ITU-T H.264 and of
        # H.265, in which these bytes differ).
        kind = head[head.index(1) + 1]
        if kind in (6, 9) or kind & 0x9F == 7:
            return Sniffed("h264", "h264")
        if kind >> 1 in (32, 33, 35):
            return Sniffed("hevc", "hevc")
    return None


def _refuse(head: bytes, name: str) -> NoReturn:
    text = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_PLAYLISTS):
        raise UnsupportedFormat(
            f"{name!r} is a playlist; files that name other files are not taken"
        )
    if b"<svg" in text:
        raise UnsupportedFormat(f"{name!r} is an SVG drawing; that format is not taken")
    for magic, what in _KNOWN_OTHERS:
        if head.startswith(magic):
            raise UnsupportedFormat(f"{name!r} is {what}; that format is not taken")
    if head and not any(byte < 9 for byte in head[:512]):
        raise CorruptMedia(f"{name!r} is text, not media")
    raise CorruptMedia(f"{name!r} is not media: its first bytes belong to no format that is taken")
