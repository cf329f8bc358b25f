"""Sample media with known content: for the demo, the benchmarks and the tests.

Video frames are drawn on YUV planes. Each holds a panning texture, a bouncing disc, four corner
blocks of different brightness (they tell how a frame was turned) and its own number as a row of
black and white cells (they tell which frame it was). Audio is a rising sweep, one octave higher
on each further track.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from reelyard.actors.testing.sample_frames import (
    CORNERS,
    Artist,
    Plane,
    Style,
    plane_of,
    read_corners,
    read_frame_number,
)

__all__ = ["CORNERS", "make_sample", "plane_of", "read_corners", "read_frame_number"]

_IMAGES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"}
_AUDIO_CODECS = {
    ".mp3": "libmp3lame",
    ".m4a": "aac",
    ".aac": "aac",
    ".flac": "flac",
    ".wav": "pcm_s16le",
    ".aiff": "pcm_s16be",
    ".ogg": "libopus",
    ".opus": "libopus",
}
_RATES = {"libopus": 48_000}


def make_sample(
    path: Path | str,
    *,
    duration_s: float = 2.0,
    width: int = 320,
    height: int = 180,
    fps: Fraction | int = 25,
    audio: bool = True,
    vcodec: str | None = None,
    acodec: str | None = None,
    audio_tracks: int = 1,
    sample_rate: int = 48_000,
    layout: str = "stereo",
    pix_fmt: str | None = None,
    gop: int = 25,
    rotation: int = 0,
    hflip: bool = False,
    sar: Fraction | None = None,
    vfr: bool = False,
    hdr: bool = False,
    interlaced: bool = False,
    attached_picture: bool = False,
    full_range: bool = False,
    faststart: bool = False,
    keep: float = 1.0,
    tags: dict[str, str] | None = None,
) -> Path:
    """Write a clip, an audio file or a still image, as the suffix of `path` says.

    `width`, `height` in px as coded; `rotation` in degrees counter-clockwise, and `hflip`, are
    written as a display matrix. `vfr`: uneven frame times. `hdr`: HEVC, 10 bit, PQ, BT.2020.
    `interlaced`: top field first. `attached_picture`: a cover beside the audio or the video.
    `keep` < 1 cuts the finished file off after that share of its bytes (with `faststart` it
    still opens). Odd sizes are kept by 4:4:4 chroma. Returns `path`.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _IMAGES:
        _save_still(path, width, height)
    else:
        options = {"movflags": "+faststart"} if faststart else {}
        with av.open(str(path), "w", options=options) as out:
            out.metadata.update(tags or {})
            writers: list[Iterator[float]] = []
            if suffix not in _AUDIO_CODECS:
                vcodec = vcodec or ("libx265" if hdr else _video_codec(suffix))
                pix_fmt = pix_fmt or _pixel_format(width, height, hdr=hdr)
                video = _add_video(
                    out,
                    vcodec,
                    rate=Fraction(fps),
                    size=(width, height),
                    pix_fmt=pix_fmt,
                    gop=gop,
                    hdr=hdr,
                    interlaced=interlaced,
                    full_range=full_range,
                )
                if sar:
                    video.codec_context.sample_aspect_ratio = sar
                if rotation or hflip:
                    video.set_display_rotation(rotation, hflip=hflip)
                if vfr:
                    video.codec_context.time_base = Fraction(1, 90_000)
                count = max(1, round(duration_s * Fraction(fps)))
                writers.append(_video_frames(out, video, count, vfr=vfr, interlaced=interlaced))
            if audio or suffix in _AUDIO_CODECS:
                acodec = acodec or _audio_codec(suffix)
                rate = _RATES.get(acodec, sample_rate)
                for track in range(audio_tracks):
                    stream = out.add_stream(acodec, rate=rate, layout=layout)
                    assert isinstance(stream, av.AudioStream)
                    stream.metadata["language"] = ("eng", "deu", "fra", "spa")[track % 4]
                    writers.append(_audio_sweep(out, stream, duration_s, octave=track))
            if attached_picture:
                _add_cover(out)
            _interleave(writers)
    if keep < 1:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])
    return path


def _video_frames(
    out: OutputContainer, stream: av.VideoStream, count: int, *, vfr: bool, interlaced: bool
) -> Iterator[float]:
    """Encode `count` frames; yields the time in seconds reached."""
    assert stream.pix_fmt is not None
    form = av.VideoFormat(stream.pix_fmt, stream.width, stream.height)
    style = Style(
        stream.width,
        stream.height,
        chroma_x=-(-stream.width // form.chroma_width(stream.width)),
        chroma_y=-(-stream.height // form.chroma_height(stream.height)),
        depth=form.components[0].bits,
    )
    artist = Artist(style)
    rate = Fraction(
        stream.codec_context.framerate.numerator, stream.codec_context.framerate.denominator
    )
    for number in range(count):
        planes = artist.draw(number)
        if interlaced:
            later = artist.draw(number, phase=0.5)
            for first, second in zip(planes, later, strict=True):
                first[1::2] = second[1::2]
        frame = av.VideoFrame(style.width, style.height, form.name)
        for plane, content in zip(frame.planes, planes, strict=False):
            _fill(plane, content)
        if vfr:
            # Two frames of three keep their time, the third comes late by 0.4 of its place.
            late = Fraction(2, 5) if number % 3 == 2 else Fraction(0)
            frame.time_base = Fraction(1, 90_000)
            frame.pts = round((number + late) / rate * 90_000)
        else:
            frame.time_base, frame.pts = 1 / rate, number
        out.mux(stream.encode(frame))
        yield float(number / rate)
    out.mux(stream.encode(None))


def _fill(plane: av.video.plane.VideoPlane, content: Plane) -> None:
    target = np.frombuffer(plane, content.dtype).reshape(plane.height, -1)
    target[:, : content.shape[1]] = content


def _audio_sweep(
    out: OutputContainer, stream: av.AudioStream, duration_s: float, *, octave: int
) -> Iterator[float]:
    """Encode a sweep from 220 to 880 Hz (times 2 to the `octave`), a beep each second."""
    rate, channels = stream.rate, stream.codec_context.channels
    total = round(duration_s * rate)
    for start in range(0, total, rate // 2):
        t = np.arange(start, min(start + rate // 2, total)) / rate
        # The phase of a linear sweep is the integral of its frequency.
        phase = 2 * np.pi * 2**octave * (220 * t + 330 * t**2 / max(duration_s, 1e-3))
        wave = 0.25 * np.sin(phase) + np.where(t % 1 < 0.05, 0.3 * np.sin(2 * np.pi * 1000 * t), 0)
        gains = np.linspace(1.0, 0.6, channels)[:, None]
        pcm = (gains * wave * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm, "s16p", stream.codec_context.layout.name)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), start
        out.mux(stream.encode(frame))
        yield start / rate
    out.mux(stream.encode(None))


def _interleave(writers: list[Iterator[float]]) -> None:
    """Advance the writer that is furthest behind, so that the muxer buffers little."""
    reached = dict.fromkeys(range(len(writers)), -1.0)
    while reached:
        behind = min(reached, key=lambda index: reached[index])
        step = next(writers[behind], None)
        if step is None:
            del reached[behind]
        else:
            reached[behind] = step


def _add_video(
    out: OutputContainer,
    codec: str,
    *,
    rate: Fraction,
    size: tuple[int, int],
    pix_fmt: str,
    gop: int,
    hdr: bool,
    interlaced: bool,
    full_range: bool,
) -> av.VideoStream:
    stream = out.add_stream(codec, rate=rate, options=_options(codec, interlaced=interlaced))
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = pix_fmt
    context = stream.codec_context
    context.gop_size = gop
    context.thread_type = "AUTO"
    context.color_range = ColorRange.JPEG if full_range else ColorRange.MPEG
    context.colorspace = Colorspace.BT2020 if hdr else Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT2020 if hdr else ColorPrimaries.BT709
    context.color_trc = ColorTrc.SMPTE2084 if hdr else ColorTrc.BT709
    return stream


def _options(codec: str, *, interlaced: bool) -> dict[str, str]:
    options = {
        "libx264": {"preset": "ultrafast", "crf": "23"},
        "libx265": {"preset": "ultrafast", "crf": "26", "x265-params": "log-level=none:hdr10=1"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "row-mt": "1"},
        "libsvtav1": {"preset": "12", "crf": "40"},
    }.get(codec, {})
    if interlaced:
        options = options | {"x264-params": "interlaced=1:tff=1"}
    return options


def _pixel_format(width: int, height: int, *, hdr: bool) -> str:
    odd = width % 2 or height % 2
    return ("yuv444p" if odd else "yuv420p") + ("10le" if hdr else "")


def _video_codec(suffix: str) -> str:
    return {".webm": "libvpx-vp9", ".avi": "mpeg4", ".mpg": "mpeg2video"}.get(suffix, "libx264")


def _audio_codec(suffix: str) -> str:
    others = {".webm": "libopus", ".avi": "libmp3lame", ".mpg": "mp2"}
    return _AUDIO_CODECS.get(suffix) or others.get(suffix, "aac")


def _add_cover(out: OutputContainer) -> None:
    stream = out.add_stream("mjpeg", rate=1)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
    stream.disposition = Disposition.attached_pic
    frame = av.VideoFrame(64, 64, "yuvj420p")
    for plane, value in zip(frame.planes, (150, 90, 200), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.pts = 0
    out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def _save_still(path: Path, width: int, height: int) -> None:
    artist = Artist(Style(width, height, 1, 1, 8))
    planes = [np.asarray(plane, np.uint8) for plane in artist.draw(5)]
    from PIL import Image

    y, u, v = (Image.fromarray(plane) for plane in planes)
    Image.merge("YCbCr", (y, u, v)).convert("RGB").save(path)
