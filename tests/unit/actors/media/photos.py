"""Photos as cameras and phones store them: HEIC and AVIF files, box by box."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from PIL import Image


def box(kind: str, *parts: bytes) -> bytes:
    """A box of an ISO base media file."""
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4, "big") + kind.encode() + content


def full_box(kind: str, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with a version and flags."""
    return box(kind, bytes([version]) + flags.to_bytes(3, "big"), *parts)


def u32(*values: int) -> bytes:
    """Numbers of 32 bits, negative ones as their complement."""
    return b"".join((value & 0xFFFFFFFF).to_bytes(4, "big") for value in values)


def clap(
    width: int, height: int, coded_width: int, coded_height: int, x: int = 0, y: int = 0
) -> bytes:
    """A clean aperture of `width` x `height` px whose upper left corner is at (`x`, `y`)."""
    off_x, off_y = 2 * x + width - coded_width, 2 * y + height - coded_height
    return box("clap", u32(width, 1, height, 1, off_x, 2, off_y, 2))


def write_heic(path: Path, image: Image.Image, *properties: bytes) -> Path:
    """`image` (its sides even) as HEIC of one item with further item properties, applied in
    their order."""
    frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), "rgb24")
    encoder = av.CodecContext.create("libx265", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = image.width, image.height, "yuv420p"
    encoder.options = {"x265-params": "log-level=none:crf=1:info=0", "preset": "ultrafast"}
    encoder.flags |= av.codec.context.Flags.global_header
    coded = b"".join(bytes(packet) for part in (frame, None) for packet in encoder.encode(part))
    units, lengths = _units(coded), b""
    for unit in units:
        lengths += len(unit).to_bytes(4, "big") + unit
    assert encoder.extradata is not None
    size = full_box("ispe", u32(image.width, image.height))
    found = [_hvcc(_units(encoder.extradata)), size, *properties]
    flags = [0x80 | number for number in range(1, len(found) + 1)]
    return _write(path, "heic", "hvc1", found, flags, lengths)


def _units(stream: bytes) -> list[bytes]:
    """The units of a byte stream (ITU-T H.265, annex B)."""
    return [part.rstrip(b"\0") for part in stream.split(b"\0\0\1")[1:]]


def _hvcc(units: list[bytes]) -> bytes:
    """The decoder's set-up (ISO/IEC 14496-15, section 8.3.3.1)."""
    sets = {unit[0] >> 1: unit for unit in units}
    profile = sets[33][3:15]
    arrays = b"".join(
        bytes([0x80 | kind, 0, 1]) + len(sets[kind]).to_bytes(2, "big") + sets[kind]
        for kind in (32, 33, 34)
    )
    return box("hvcC", b"\x01", profile, b"\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x03", arrays)


def _write(
    path: Path, brand: str, kind: str, properties: list[bytes], uses: list[int], data: bytes
) -> Path:
    """A file of one item (ISO/IEC 23008-12)."""
    uses_box = full_box("ipma", u32(1), b"\0\1", bytes([len(uses)]), bytes(uses))
    start = box("ftyp", brand.encode(), u32(0), b"mif1", brand.encode())

    def meta(offset: int) -> bytes:
        return full_box(
            "meta",
            full_box("hdlr", u32(0), b"pict", bytes(13)),
            full_box("pitm", b"\0\1"),
            full_box("iloc", b"\x44\0", b"\0\1", b"\0\1", b"\0\0", b"\0\1", u32(offset, len(data))),
            full_box(
                "iinf",
                b"\0\1",
                full_box("infe", b"\0\1\0\0", kind.encode(), b"\0", version=2),
            ),
            box("iprp", box("ipco", *properties), uses_box),
        )

    offset = len(start) + len(meta(0)) + 8
    path.write_bytes(start + meta(offset) + box("mdat", data))
    return path
