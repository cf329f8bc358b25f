"""A still image that FFmpeg decodes: HEIC, and what Pillow does not read."""

from __future__ import annotations

from contextlib import suppress

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import ColorRange, VideoReformatter
from PIL import Image

from reelyard.actors.media.codec.colour.tonemap import is_hdr
from reelyard.actors.media.codec.decode import require_video
from reelyard.actors.media.codec.frame_conversion import Normalizer, clean_part, orientation
from reelyard.actors.media.codec.geometry import Rect
from reelyard.actors.media.codec.headers.heif import HeifPhoto, read_photo
from reelyard.actors.media.codec.probe import pixel_aspect
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.stills.profiles import profile_by_numbers
from reelyard.actors.media.stills.reader import Still, upright_image
from reelyard.actors.media.stills.tiles import tiled_photo
from reelyard.cluster.errors import CorruptMedia, NoSuchStream, UnsupportedCodec, UnsupportedFormat

_LINEAR = 8
"""H.273's number of the transfer of samples that are light itself."""
_UNSPECIFIED = 2


def coded_still(source: Source, limits: Limits) -> Still:
    """The image (its first frame), upright, with square pixels, in SDR.

    OpenEXR and Radiance pictures, whose samples are light, get sRGB's curve; what is brighter than
    white becomes white. Raises `CorruptMedia`, `UnsupportedFormat` for what has no decoder, and
    what `open_input` raises.
    """
    kind = source.sniffed
    photo = read_photo(source.path) if kind.demuxer == "mov" else None
    if photo is not None and (tiled := tiled_photo(source, photo, limits)) is not None:
        still, like = tiled
        return _with_profile(still, like, photo)
    try:
        with open_input(source, limits) as container:
            stream = require_video(container, source.name)
            frame = _first(container, stream, limits, source.name)
            turn, part = orientation(stream, frame), clean_part(stream)
            wide = round(frame.width * pixel_aspect(stream))
    except (UnsupportedCodec, NoSuchStream) as error:
        raise UnsupportedFormat(
            f"{source.name!r} is a {kind.format} image of a kind that has no decoder",
            internal=error.message,
        ) from error
    image = to_image(frame, light=kind.format == "hdr")
    if wide != frame.width:
        image = image.resize((max(1, wide), frame.height), Image.Resampling.LANCZOS)
        part = None if part is None else _stretched(part, wide / frame.width)
    return _with_profile(upright_image(image, part, turn), frame, photo)


def _stretched(part: Rect, by: float) -> Rect:
    return Rect(round(part.x * by), part.y, max(1, round(part.width * by)), part.height)


def _first(
    container: InputContainer, stream: av.VideoStream, limits: Limits, name: str
) -> av.VideoFrame:
    options = {"max_pixels": str(min(limits.max_pixels, 2**31 - 1))}
    context = stream.codec_context
    # Without `explode` decoders fill what they can't read, and say nothing. But with it FFmpeg 9's
    # takes the tag of a TIFF that says that samples are floats (339), unknown to it, for damage.
    if not (context.name == "tiff" and "f32" in (context.pix_fmt or "")):
        options["err_detect"] = "explode"
    context.options = options
    for packet in container.demux(stream):
        if packet.size:
            with suppress(av.error.InvalidDataError):
                for frame in stream.decode(packet) or stream.decode(None):
                    return frame
            break
    raise CorruptMedia(f"{name!r} is damaged: it can't be decoded")


def to_image(frame: av.VideoFrame, *, light: bool = False) -> Image.Image:
    """The frame in Pillow's mode L, LA, RGB or RGBA, in SDR; `light`: its samples are linear."""
    name = frame.format.name
    if is_hdr(frame.color_trc):
        frame = Normalizer(frame.width, frame.height, "rgb24").convert(frame)
    elif "f" in name and name.startswith("gbr") and (light or int(frame.color_trc) == _LINEAR):
        return _from_light(np.asarray(frame.to_ndarray(), np.float32))
    clear = name == "pal8" or any(part.is_alpha for part in frame.format.components)
    form = "rgba" if clear else "rgb24"
    same = VideoReformatter().reformat(frame, format=form, dst_color_range=ColorRange.JPEG)
    plane, mode = same.planes[0], "RGBA" if clear else "RGB"
    image = Image.frombytes(
        mode, (same.width, same.height), bytes(plane), "raw", mode, plane.line_size, 1
    )
    if clear and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    if name.startswith(("gray", "ya", "mono")):
        image = image.convert("LA" if image.mode == "RGBA" else "L")
    return image


def _from_light(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image.Image:
    """Linear samples (height, width, channels) by sRGB's curve (IEC 61966-2-1)."""
    values = np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    colour = values[..., :3]
    bright = 1.055 * np.power(np.maximum(colour, 0.0031308), 1 / 2.4) - 0.055
    values[..., :3] = np.where(colour <= 0.0031308, 12.92 * colour, bright)
    return Image.fromarray(np.rint(values * 255).astype(np.uint8))


def _with_profile(image: Image.Image, frame: av.VideoFrame, photo: HeifPhoto | None) -> Still:
    if is_hdr(frame.color_trc) or image.mode not in ("RGB", "RGBA"):
        return Still(image)
    if photo is not None and photo.icc is not None and photo.icc[16:20] == b"RGB ":
        return Still(image, photo.icc)
    primaries, transfer = int(frame.color_primaries), int(frame.color_trc)
    if photo is not None and photo.primaries != _UNSPECIFIED:
        primaries, transfer = photo.primaries, photo.transfer
    return Still(image, profile_by_numbers(primaries, 2 if transfer == _LINEAR else transfer))
