"""The format of a file and the demuxer it gets, by its first bytes alone.

The demuxer is then named to FFmpeg, which so never guesses: a playlist, a script that names other
files or a device can't be opened by whatever suffix it carries.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, NoReturn

from reelyard.actors.media.format_signatures import (
    AUDIO,
    GAMES,
    IFF,
    IFF_IMAGES,
    IMAGES,
    MEDIA,
    PILLOW,
    RAW_SUFFIXES,
    REFUSED,
    REFUSED_BRANDS,
    RIFF,
    Signature,
)
from reelyard.cluster.errors import (
    CorruptMedia,
    EmptySource,
    SourceNotFound,
    SourceUnreadable,
    UnsupportedFormat,
)

HEAD_BYTES = 4096
_MOST_SEGMENTS = 2000

_TIFF: Final[dict[bytes, Literal["little", "big"]]] = {b"II*\0": "little", b"MM\0*": "big"}
_SUB_DIRECTORIES, _PHOTOMETRIC, _DNG_VERSION = 330, 262, 50706
"""Tags of TIFF 6, of its first supplement and of DNG 1.7."""
_OF_SENSORS = (32803, 34892)
"""Photometric interpretations: a colour filter array, and linear raw (DNG)."""
_MOST_DIRECTORIES = 16
_CUT_ROWS = 8
"""As many packets of a transport stream that begins inside one tell that it is one."""


@dataclass(frozen=True)
class Sniffed:
    """What a file is. `demuxer` is FFmpeg's name, empty where it has none that may be used;
    `image`: a still or animated image; `pillow`: the plugin that reads it, empty where only FFmpeg
    does."""

    demuxer: str
    format: str
    image: bool = False
    pillow: str = ""


_MOV_BOXES = frozenset(
    {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof"}
    | {b"uuid", b"sidx", b"emsg", b"prft", b"pdin", b"pict", b"junk"}
)
_BRANDS = {b"qt ": "mov", b"M4A": "m4a", b"M4B": "m4a", b"3gp": "3gp", b"3g2": "3gp"}
_IMAGE_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"hevc", b"hevx", b"msf1"}
_TAGGED = frozenset(
    {"flac", "aac", "wav", "aiff", "tta", "ape", "ac3", "wv", "tak", "mpc", "mpc8", "dsf", "shn"}
)
"""Demuxers of formats that may stand behind an ID3 tag."""
_TIMED_TEXT = re.compile(rb"\d+\s*\n\s*\d+:\d\d:\d\d[,.]\d+ +-->")
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


type _Index = dict[int, tuple[Signature, ...]]


def _index(*rows: Signature) -> _Index:
    """Which signatures may fit, by a file's first byte: most are ruled out by it."""
    return {
        first: tuple(row for row in rows if row.parts[0][0] > 0 or row.parts[0][1][0] == first)
        for first in range(256)
    }


_FILMS = _index(*MEDIA, *AUDIO, *GAMES)
_PICTURES = _index(*IMAGES)
_REFUSALS = _index(*REFUSED)


def _first_fit(index: _Index, head: bytes) -> Signature | None:
    return next((row for row in index[head[0]] if row.fits(head)), None) if head else None


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
    _refuse_known(head, name)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(file)
    if head[:4] in _TIFF and _is_camera_raw(file, _TIFF[head[:4]], head):
        raise UnsupportedFormat(
            f"{name!r} is a camera's raw image (DNG, NEF, ARW or the like); that format is not "
            "taken"
        )
    found = _binary(head) or _by_footer(file) or _cut_into(head) or _elementary(head)
    found = found or _padded(head)
    if found is None:
        _refuse(head, name)
    return found


def _is_camera_raw(file: BinaryIO, order: Literal["little", "big"], head: bytes) -> bool:
    """Whether a TIFF has samples of a sensor somewhere; what is shown of it is a preview then."""

    def number(data: bytes) -> int:
        return int.from_bytes(data, order)

    directories = [number(head[4:8])]
    for _ in range(_MOST_DIRECTORIES):
        if not directories:
            break
        file.seek(directories.pop(0))
        count = number(file.read(2))
        entries = file.read(12 * count + 4)
        for at in range(0, min(12 * count, len(entries) - 11), 12):
            tag, values, where = (
                number(entries[at : at + 2]),
                number(entries[at + 4 : at + 8]),
                entries[at + 8 : at + 12],
            )
            if tag == _DNG_VERSION or (tag == _PHOTOMETRIC and number(where[:2]) in _OF_SENSORS):
                return True
            if tag == _SUB_DIRECTORIES and values == 1:
                directories.append(number(where))
            elif tag == _SUB_DIRECTORIES:
                file.seek(number(where))
                more = file.read(4 * min(values, _MOST_DIRECTORIES))
                directories += [number(more[n : n + 4]) for n in range(0, len(more), 4)]
        if following := number(entries[12 * count :]):
            directories.append(following)
    return False


def _by_footer(file: BinaryIO) -> Sniffed | None:
    # Targa has its signature at the end (TGA 2.0, "TGA FILE FOOTER").
    if file.seek(0, 2) > 26:
        file.seek(-18, 2)
        if file.read(16) == b"TRUEVISION-XFILE":
            return _image("", "tga")
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
    found = _binary(rest) or _elementary(rest)
    if found is not None and found.demuxer in _TAGGED:
        return found
    return Sniffed("mp3", "mp3")


def _binary(head: bytes) -> Sniffed | None:
    if row := _first_fit(_FILMS, head):
        webm = row.format == "mkv" and b"webm" in head[:64]
        return Sniffed(row.demuxer, "webm" if webm else row.format)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        animated = b"acTL" in head.split(b"IDAT", 1)[0]
        return _image("apng" if animated else "png_pipe", "png")
    if row := _first_fit(_PICTURES, head):
        # Pillow reads samples of 1 and 8 bits.
        deep = row.format == "psd" and head[22:24] not in (b"\0\1", b"\0\x08")
        return _image(row.demuxer, row.format, by_pillow=not deep)
    if b"#define " in head[:64] and b"_width " in head[:256]:
        return _image("xbm_pipe", "xbm")
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX"):
        return _riff(head)
    if head[:4] == b"FORM":
        if head[8:12] in IFF_IMAGES:
            return _image("iff", "iff")
        return Sniffed(*IFF[head[8:12]]) if head[8:12] in IFF else None
    # The header's length tells where CRI's mark is.
    if head[:2] == b"\x80\x00" and head[int.from_bytes(head[2:4]) - 2 :].startswith(b"(c)CRI"):
        return Sniffed("adx", "adx")
    return _mov(head) or _transport(head)


def _riff(head: bytes) -> Sniffed | None:
    if head[8:12] == b"WEBP":
        moves = head[12:16] == b"VP8X" and len(head) > 20 and head[20] & 2
        return _image("webp_anim" if moves else "webp_pipe", "webp")
    return Sniffed(*RIFF[head[8:12]]) if head[8:12] in RIFF else None


def _image(demuxer: str, format: str, *, by_pillow: bool = True) -> Sniffed:
    return Sniffed(demuxer, format, image=True, pillow=PILLOW.get(format, "") if by_pillow else "")


_PLAIN_JPEG = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
"""Frame markers of what libjpeg decodes: sequential and progressive."""


def _jpeg(file: BinaryIO) -> Sniffed:
    """JPEG, of 8 bits or one that only FFmpeg knows, or JPEG-LS, by the marker of its frame (ITU-T
    T.81, table B.1; T.87, annex C)."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        file.seek(at)
        segment = file.read(5)
        if len(segment) < 5 or segment[0] != 0xFF:
            break
        marker = segment[1]
        if marker == 0xF7:
            return _image("jpegls_pipe", "jpegls")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            plain = marker in _PLAIN_JPEG and segment[4] == 8
            return _image("jpeg_pipe", "jpeg", by_pillow=plain)
        at += 1 if marker == 0xFF else 2 + int.from_bytes(segment[2:4], "big")
    return _image("jpeg_pipe", "jpeg")


def _mov(head: bytes) -> Sniffed | None:
    if head[4:8] not in _MOV_BOXES:
        return None
    if head[4:8] != b"ftyp":
        return Sniffed("mov", "mov")
    brand = head[8:12]
    if brand in (b"avif", b"avis"):
        return _image("mov", "avif")
    if brand in _IMAGE_BRANDS:
        box = head[8 : int.from_bytes(head[:4], "big")]
        return _image("mov", "avif" if b"avif" in box else "heic")
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
        return _by_first_unit(head[head.index(1) + 1 :])
    # A picture's start code (ITU-T H.263, section 5.1.1) and the number that follows it.
    if head[:2] == b"\0\0" and head[2] & 0xFC == 0x80 and head[3] & 0x03 == 0x02:
        return Sniffed("h263", "h263")
    return None


def _by_first_unit(unit: bytes) -> Sniffed | None:
    """A bare stream, by what follows its first start code."""
    # Parameter sets, a delimiter, or what x264 says of itself (table 7-1 of ITU-T H.264, of H.265
    # and table 5 of H.266, in which these bytes differ).
    if unit[0] in (6, 9) or unit[0] & 0x9F == 7:
        return Sniffed("h264", "h264")
    if unit[0] >> 1 in (32, 33, 35):
        return Sniffed("hevc", "hevc")
    if unit[0] == 0 and unit[1] & 7 == 1 and unit[1] >> 3 in (12, 13, 14, 15, 20):
        return Sniffed("vvc", "vvc")
    # A visual object sequence, an object or its layer (ISO/IEC 14496-2, table 6-3).
    if (unit[0] == 0xB0 and unit[2:5] == b"\0\0\1") or unit[0] == 0xB5 or unit[0] >> 4 == 2:
        return Sniffed("m4v", "m4v")
    if unit[0] < 0x20 and unit[1:4] == b"\0\0\1" and unit[4] >> 4 == 2:
        return Sniffed("m4v", "m4v")
    return None


def _padded(head: bytes) -> Sniffed | None:
    """MPEG audio behind zeros, which cutting tools leave and players pass over."""
    if head[:2] != b"\0\0":
        return None
    found = _elementary(head.lstrip(b"\0"))
    return found if found is not None and found.demuxer in ("mp3", "aac") else None


def _cut_into(head: bytes) -> Sniffed | None:
    """A transport stream that begins inside a packet, as a recording may: its marks come as
    regularly as in any other, a long way."""
    for size in (188, 192, 204):
        rows = len(head) // size - 1
        if rows >= _CUT_ROWS and any(
            head[start : start + rows * size : size].count(0x47) == rows for start in range(size)
        ):
            return Sniffed("mpegts", "mpegts")
    return None


def _refuse_known(head: bytes, name: str) -> None:
    row = _first_fit(_REFUSALS, head)
    what = None if row is None else row.format
    if what is None and head[4:8] == b"ftyp":
        what = REFUSED_BRANDS.get(head[8:12])
    if what is not None:
        raise UnsupportedFormat(f"{name!r} is {what}; that format is not taken")


def _refuse(head: bytes, name: str) -> NoReturn:
    text = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_PLAYLISTS):
        raise UnsupportedFormat(
            f"{name!r} is a playlist; files that name other files are not taken"
        )
    if b"<svg" in text:
        raise UnsupportedFormat(f"{name!r} is an SVG drawing; that format is not taken")
    if what := _by_container(head) or RAW_SUFFIXES.get(Path(name).suffix.lower()):
        raise UnsupportedFormat(f"{name!r} is {what}; that format is not taken")
    if text.startswith((b"webvtt", b"[script info]")) or _TIMED_TEXT.match(text):
        raise UnsupportedFormat(f"{name!r} holds subtitles alone; these are not taken")
    if head and not any(byte < 9 for byte in head[:512]):
        raise CorruptMedia(f"{name!r} is text, not media")
    raise CorruptMedia(f"{name!r} is not media: its first bytes belong to no format that is taken")


def _by_container(head: bytes) -> str | None:
    """What a file of a general make, of a kind that is not taken, is to be called."""
    if head[:4] in (b"RIFF", b"RIFX") and (kind := _printable(head[8:12])):
        return "a MIDI file" if kind == "RMID" else f"a RIFF file of the kind {kind!r}"
    if head[:4] == b"FORM" and (kind := _printable(head[8:12])):
        return f"an IFF file of the kind {kind!r}"
    if head[:4] == b"\0\0\1\xb0":
        return "a bare AVS stream"
    return None


def _printable(kind: bytes) -> str | None:
    text = kind.decode("ascii", "replace").rstrip()
    return text if len(kind) == 4 and text.isprintable() and text.isascii() else None
