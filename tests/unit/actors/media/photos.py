"""Photos as cameras and phones store them: HEIC and AVIF files, box by box."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
from PIL import Image

from reelyard.actors.media.codec.headers.boxes import Box, boxes, inside
from reelyard.actors.media.stills.profiles import profile_by_numbers


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


def write_avif(path: Path, image: Image.Image, *properties: bytes) -> Path:
    """`image` as AVIF of one item with further item properties, in which it has its colours."""
    packed = BytesIO()
    image.save(packed, "AVIF", quality=100, subsampling="4:4:4")
    meta = next(found for found in boxes(packed) if found.kind == b"meta")
    shelf = Box(meta.kind, meta.begin + 4, meta.end)
    own = {
        found.kind: found.content(packed)
        for shelf in inside(packed, shelf, b"iprp", b"ipco")
        for found in boxes(packed, shelf.begin, shelf.end)
    }
    data = next(found for found in boxes(packed) if found.kind == b"mdat").content(packed)
    kept = [
        box(kind, own[kind.encode()])
        for kind in ("ispe", "pixi", "av1C", "colr")
        if kind != "colr" or not any(extra[4:8] == b"colr" for extra in properties)
    ]
    found = [*kept, *properties]
    flags = [
        number | (0x80 if found[number - 1][4:8] in (b"av1C", b"clap", b"irot", b"imir") else 0)
        for number in range(1, len(found) + 1)
    ]
    return _write(path, "avif", "av01", found, flags, data)


def display_p3() -> bytes:
    """An ICC profile of Display P3."""
    profile = profile_by_numbers(12, 13)
    assert profile is not None
    return profile


def write_deep_psd(path: Path, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Path:
    """RGB pixels as a Photoshop document of 16 bits a sample, uncompressed."""
    height, width, channels = pixels.shape
    head = b"8BPS\0\1" + bytes(6) + channels.to_bytes(2, "big") + u32(height, width)
    head += b"\0\x10\0\x03" + u32(0, 0, 0) + b"\0\0"
    planes = (pixels.astype(">u2") * 257).astype(">u2").transpose(2, 0, 1)
    path.write_bytes(head + planes.tobytes())
    return path


def write_deep_jpeg(path: Path, levels: list[int]) -> Path:
    """Grey blocks of 8 x 8 px side by side, of 12-bit `levels`, as a JPEG of 12 bits: the constant
    part of each block alone (ITU-T T.81, annexes B and F)."""
    quantiser = b"\xff\xdb\0\x43\0" + b"\x01" * 64
    frame = b"\xff\xc1\0\x0b\x0c" + (8).to_bytes(2, "big") + (8 * len(levels)).to_bytes(2, "big")
    frame += b"\x01\x01\x11\0"
    # 16 lengths of 5 bits for the constant part; end of block as the one code of the rest.
    constant = b"\xff\xc4\0\x23\0" + bytes([0, 0, 0, 0, 16] + [0] * 11) + bytes(range(16))
    other = b"\xff\xc4\0\x14\x10" + bytes([1] + [0] * 15) + b"\0"
    scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"
    bits, before = "", 0
    for level in levels:
        step = 8 * (level - 2048) - before
        before += step
        size = abs(step).bit_length()
        bits += f"{size:05b}"
        if size:
            bits += f"{step if step > 0 else step + (1 << size) - 1:0{size}b}"
        bits += "0"
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    path.write_bytes(
        b"\xff\xd8" + quantiser + frame + constant + other + scan + coded + b"\xff\xd9"
    )
    return path


def add_to_sample_entry(path: Path, extra: bytes) -> Path:
    """Put a box into the description of the first track of a video whose index is at its end."""
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        chain, level = [], list(boxes(file))
        for kind, skip in (
            (b"moov", 0),
            (b"trak", 0),
            (b"mdia", 0),
            (b"minf", 0),
            (b"stbl", 0),
            (b"stsd", 8),
        ):
            found = next(each for each in level if each.kind == kind)
            chain.append(found)
            level = list(boxes(file, found.begin + skip, found.end))
    entry = level[0]
    for each in (*chain, entry):
        at = each.begin - 8
        data[at : at + 4] = (each.end - at + len(extra)).to_bytes(4, "big")
    data[entry.end : entry.end] = extra
    path.write_bytes(data)
    return path
