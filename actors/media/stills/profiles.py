"""ICC profiles of images whose colours are told by other means: numbers, or chunks of PNG."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from reelyard.actors.media.codec.headers.boxes import boxes, inside
from reelyard.actors.media.codec.headers.heif import read_photo

type Point = tuple[float, float]
type Primaries = tuple[Point, Point, Point, Point]
"""x and y of red, green, blue and white (CIE 1931)."""

_D65 = (0.3127, 0.3290)
_SRGB: Primaries = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65)
_WIDE: dict[int, Primaries] = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
"""BT.2020, DCI-P3 and Display P3, by H.273's number of the primaries."""
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
"""By H.273's number of the transfer; the others look like sRGB's, or are HDR."""
_HDR = (16, 18)
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile_by_numbers(primaries: int, transfer: int) -> bytes | None:
    """The profile that colour numbers of H.273 mean; None: sRGB, or near enough to it."""
    gamma = _GAMMAS.get(transfer)
    if primaries not in _WIDE and gamma is None:
        return None
    return matrix_profile(_WIDE.get(primaries, _SRGB), gamma)


def is_hdr_image(path: Path, format: str) -> bool:
    """Whether an AVIF or PNG file says that its samples are PQ or HLG."""
    return _numbers(path, format)[1] in _HDR


def profile_of(path: Path, image: Image.Image) -> bytes | None:
    """The profile of the image's samples that Pillow has not found; None where it has, or where
    there is none."""
    found: bytes | None = image.info.get("icc_profile")
    if image.format == "PNG":
        return _of_png(path, image) or found
    if found:
        return found
    if image.format == "AVIF":
        return profile_by_numbers(*_numbers(path, "avif"))
    return _of_jpeg2000(path) if image.format == "JPEG2000" else None


def _numbers(path: Path, format: str) -> tuple[int, int]:
    if format == "avif":
        photo = read_photo(path)
        return (2, 2) if photo is None else (photo.primaries, photo.transfer)
    if format == "png" and len(data := _png_chunk(path, b"cICP")) >= 4:
        return data[0], data[1]
    return 2, 2


def _of_png(path: Path, image: Image.Image) -> bytes | None:
    """By the chunk that counts first (PNG, third edition, section 4.3): cICP, iCCP, sRGB, and
    then gAMA and cHRM."""
    if _png_chunk(path, b"cICP"):
        return profile_by_numbers(*_numbers(path, "png"))
    if image.info.get("icc_profile") or "srgb" in image.info:
        return None
    points, gamma = image.info.get("chromaticity"), image.info.get("gamma")
    exponent = 1 / gamma if gamma else None
    if exponent is not None and abs(exponent - 2.2) < 0.05:
        exponent = None
    if not points or len(points) < 8:
        return None if exponent is None else matrix_profile(_SRGB, exponent)
    white, red, green, blue = ((points[at], points[at + 1]) for at in range(0, 8, 2))
    primaries = (red, green, blue, white)
    near = np.allclose(np.array(primaries), np.array(_SRGB), atol=0.002)
    if near and exponent is None:
        return None
    return matrix_profile(primaries, exponent)


def _png_chunk(path: Path, wanted: bytes) -> bytes:
    """The first chunk of that kind before the samples; empty: there is none."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            size = int.from_bytes(head[:4], "big")
            if head[4:] == wanted:
                return file.read(min(size, 1 << 16))
            file.seek(size + 4, 1)
    return b""


def _of_jpeg2000(path: Path) -> bytes | None:
    """A restricted or any ICC profile (ISO/IEC 15444-1, section I.5.3.3)."""
    with path.open("rb") as file:
        for header in boxes(file):
            if header.kind == b"jp2h":
                for box in inside(file, header, b"colr"):
                    data = box.content(file)
                    if data[:1] in (b"\2", b"\3"):
                        return data[3:]
    return None


def matrix_profile(primaries: Primaries, gamma: float | None) -> bytes | None:
    """A display profile (ICC.1:2022) of these primaries, with sRGB's curve or a plain `gamma`;
    None for primaries that span no colours."""
    try:
        columns = _to_d50(primaries)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    if gamma is None:
        curve = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(*_SRGB_CURVE)
    else:
        curve = b"para" + struct.pack(">IHH", 0, 0, 0) + _fixed(gamma)
    name = f"RGB {zlib.crc32(repr((primaries, gamma)).encode()):08x}"
    white = b"XYZ " + bytes(4) + _fixed(*_D50)
    shares = [b"XYZ " + bytes(4) + _fixed(*column) for column in columns.T]
    tags = [(b"desc", _text(name)), (b"cprt", _text("CC0")), (b"wtpt", white)]
    tags += zip((b"rXYZ", b"gXYZ", b"bXYZ"), shares, strict=True)
    tags += [(kind, curve) for kind in (b"rTRC", b"gTRC", b"bTRC")]
    return _assembled(tags)


def _to_d50(primaries: Primaries) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """XYZ of full red, green and blue as columns, adapted from their white to D50."""
    *colours, white = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in primaries)
    matrix = np.array(colours).T
    matrix = matrix * np.linalg.solve(matrix, white)
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = (
        np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ matrix
    )
    return adapted


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65_536)) for value in values)


def _text(text: str) -> bytes:
    coded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(coded), 28) + coded


def _assembled(tags: list[tuple[bytes, bytes]]) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for kind, content in tags:
        table += kind + struct.pack(">II", at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(data), b"", 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed(*_D50)
    return head.ljust(128, b"\0") + table + data
