"""The probe: what a file holds, as its headers tell and, where asked, as its packets do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.rational import AVRational
from av.stream import Disposition
from av.stream import Stream as AVStream

from reelyard.actors.media.codec import decode
from reelyard.actors.media.codec.colour import colour_codes
from reelyard.actors.media.codec.frame_conversion import shown_part
from reelyard.actors.media.codec.geometry import orientation_of, upright_size
from reelyard.actors.media.codec.headers.heif import read_photo
from reelyard.actors.media.codec.headers.image_headers import describe, open_image
from reelyard.actors.media.codec.media_info import (
    AudioStream,
    MediaInfo,
    OtherStream,
    Stream,
    VideoStream,
)
from reelyard.actors.media.codec.source import check_pixels, open_input
from reelyard.actors.media.codec.timing.ending import expectation
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.packet_scan import FirstFrames, scan
from reelyard.actors.media.codec.timing.stream_span import StreamSpan
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.sniff import Sniffed

_UNPAIRED = re.compile("[\ud800-\udfff]")
_ANIMATED = frozenset({"gif", "png", "webp", "avif"})
_ESTIMATED = frozenset(
    {"aac", "ac3", "amr", "dts", "loas", "h264", "hevc", "mpegvideo", "mp3", "truehd"}
)
"""Formats without an index: FFmpeg guesses their length from the bit rate."""


def probe_media(
    source: Source | Path,
    limits: Limits | None = None,
    *,
    count: bool = False,
    check: bool = False,
    tick: Callable[[], object] | None = None,
) -> MediaInfo:
    """What the file holds.

    Headers only, unless the container doesn't tell its length; `count` reads all packets, to know
    the number of frames where the container doesn't tell; `check` decodes a first frame of
    video and audio; `tick` is called now and then while packets are read. Raises `MediaError`s:
    not there, not media, over a limit, damaged.
    """
    if isinstance(source, Path):
        source = Source(source, source.name)
    limits = limits or Limits()
    kind = source.sniffed
    if kind.image and (info := _probe_image(source, limits, check=check)):
        return _as_photo(info, source) if kind.format == "avif" else info
    with open_input(source, limits) as container:
        clock = PacketClock(container)
        clock.survey(tick)
        duration = decode.whole_s(clock)
        count = count or duration is None or kind.format in _ESTIMATED or clock.jumps > 0
        first = FirstFrames(container, limits, source.name) if check else None
        # Before anything is decoded: decoders overwrite what the header has told of colours.
        streams = [_describe(stream) for stream in container.streams]
        spans = scan(clock, first, count=count, tick=tick)
        if count:
            duration = _from_begin_to_end(spans.values())
            streams = [_measured(stream, container, spans) for stream in streams]
        told = expectation(source, container)
        jumps = [] if clock.note is None else [clock.note]
        info = MediaInfo(
            format=kind.format,
            kind=_kind_of(streams, kind),
            duration_s=_rounded(duration),
            start_s=_rounded(decode.origin_s(container)),
            size=source.path.stat().st_size,
            bit_rate=container.bit_rate or None,
            streams=tuple(streams),
            chapters=len(container.chapters()),
            tags=_tags(container.metadata),
            truncated=told.points_behind,
            notes=(*jumps, *told.notes, *(first.notes if first else ())),
        )
    if info.kind == "image":
        info = replace(info, duration_s=None, start_s=None)
    return _as_photo(info, source) if kind.format == "heic" else info


def _as_photo(info: MediaInfo, source: Source) -> MediaInfo:
    """With the photo instead of the tile that FFmpeg takes for it, and its clean aperture."""
    best, photo = info.video, read_photo(source.path)
    if best is None or photo is None:
        return info
    whole = replace(
        best,
        width=photo.width,
        height=photo.height,
        display_width=photo.shown[0],
        display_height=photo.shown[1],
        rotation=photo.turn.turns * 90,
        mirrored=photo.turn.mirror,
        tags=best.tags | ({"icc_profile": "yes"} if photo.icc else {}),
    )
    return replace(info, streams=tuple(whole if s is best else s for s in info.streams))


def _from_begin_to_end(spans: Iterable[StreamSpan]) -> Fraction | None:
    """From the begin of the first stream to the end of the last."""
    begins = [begin for span in spans if (begin := span.begin_s) is not None]
    ends = [end for span in spans if (end := span.end_s) is not None]
    return max(ends) - min(begins) if begins and ends else None


def _kind_of(streams: Sequence[Stream], kind: Sniffed) -> str:
    videos = [s for s in streams if isinstance(s, VideoStream) and not s.attached_pic]
    if kind.image:
        return "animation" if any((s.frames or 0) > 1 for s in videos) else "image"
    if videos:
        return "video"
    return "audio" if any(isinstance(s, AudioStream) and s.channels for s in streams) else "data"


def _describe(stream: AVStream) -> Stream:
    tags = _tags(stream.metadata)
    language = tags.get("language")
    if not decode.has_decoder(stream):
        return OtherStream(stream.index, stream.type, None, language, tags)
    if isinstance(stream, av.VideoStream):
        return _describe_video(stream, tags)
    if isinstance(stream, av.AudioStream):
        return _describe_audio(stream, tags)
    codec = stream.codec_context.codec.canonical_name
    return OtherStream(stream.index, stream.type, codec, language, tags)


def _describe_video(stream: av.VideoStream, tags: dict[str, str]) -> VideoStream:
    context = stream.codec_context
    side = context.coded_side_data
    turn = orientation_of(side.get("display_matrix", b""))
    sar = pixel_aspect(stream)
    shown_w, shown_h = 0, 0
    if context.width:
        shown_w, shown_h = upright_size(*shown_part(stream), sar, turn)
    form = context.format
    return VideoStream(
        index=stream.index,
        codec=context.codec.canonical_name,
        profile=stream.profile,
        width=context.width,
        height=context.height,
        display_width=shown_w,
        display_height=shown_h,
        rotation=turn.turns * 90,
        mirrored=turn.mirror,
        sar=f"{sar.numerator}:{sar.denominator}",
        fps=frame_rate(stream),
        frames=stream.frames or None,
        duration_s=_rounded(decode.seconds(stream.duration, stream.time_base)),
        start_s=_rounded(decode.seconds(stream.start_time, stream.time_base)),
        bit_rate=stream.bit_rate or None,
        pix_fmt=context.pix_fmt,
        bit_depth=form.components[0].bits if form is not None and form.components else None,
        alpha=form is not None and any(part.is_alpha for part in form.components),
        color_space=colour_codes.SPACES.get(int(context.colorspace), "unknown"),
        color_range=colour_codes.RANGES.get(int(context.color_range), "unknown"),
        color_primaries=colour_codes.PRIMARIES.get(int(context.color_primaries), "unknown"),
        color_transfer=colour_codes.TRANSFERS.get(int(context.color_trc), "unknown"),
        hdr=_hdr(int(context.color_trc), set(side)),
        interlaced=context.field_order > 1,
        attached_pic=decode.is_cover(stream),
        default=bool(stream.disposition & Disposition.default),
        language=tags.get("language"),
        tags=tags,
    )


def _describe_audio(stream: av.AudioStream, tags: dict[str, str]) -> AudioStream:
    context = stream.codec_context
    return AudioStream(
        index=stream.index,
        codec=context.codec.canonical_name,
        profile=stream.profile,
        sample_rate=context.sample_rate,
        channels=context.channels,
        layout=context.layout.name,
        sample_fmt=getattr(context.format, "name", None),
        duration_s=_rounded(decode.seconds(stream.duration, stream.time_base)),
        start_s=_rounded(decode.seconds(stream.start_time, stream.time_base)),
        bit_rate=stream.bit_rate or None,
        default=bool(stream.disposition & Disposition.default),
        language=tags.get("language"),
        tags=tags,
    )


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Shape of a coded pixel; nonsense counts as square."""
    return sane_aspect(stream.sample_aspect_ratio)


def sane_aspect(value: AVRational) -> Fraction:
    """A shape of pixels as FFmpeg tells it; nonsense counts as square."""
    if value.numerator <= 0 or value.denominator <= 0:
        return Fraction(1)
    sar = Fraction(value.numerator, value.denominator)
    return sar if Fraction(1, 16) <= sar <= 16 else Fraction(1)


def frame_rate(stream: av.VideoStream, span: StreamSpan | None = None) -> float | None:
    """Frames a second: the mean where it is plausible, else what FFmpeg guesses, else None."""
    if span is not None and span.seconds and not stream.average_rate:
        return round(float(span.packets / span.seconds), 3)
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate.denominator and 0 < rate.numerator / rate.denominator <= 480:
            return round(rate.numerator / rate.denominator, 3)
    return None


def _measured(stream: Stream, container: InputContainer, spans: dict[int, StreamSpan]) -> Stream:
    """`stream` with what counting its packets has told."""
    span = spans.get(stream.index)
    if span is None or isinstance(stream, OtherStream):
        return stream
    stream = replace(stream, duration_s=_rounded(span.seconds))
    if isinstance(stream, VideoStream):
        source = container.streams[stream.index]
        assert isinstance(source, av.VideoStream)
        rate = frame_rate(source, span)
        return replace(stream, fps=rate, frames=stream.frames or span.packets)
    return stream


def _hdr(transfer: int, side: set[str]) -> str | None:
    if "dovi_conf" in side:
        return "Dolby Vision"
    if transfer == colour_codes.PQ:
        static = {"mastering_display_metadata", "content_light_level"}
        return "HDR10" if side & static else "PQ"
    return "HLG" if transfer == colour_codes.HLG else None


def _tags(found: Mapping[str, str]) -> dict[str, str]:
    """Tags as text that can be stored: what was no UTF-8 in the file becomes U+FFFD."""
    # `str`, since Pillow's texts are of a class of its own.
    return {_UNPAIRED.sub("\ufffd", key): _UNPAIRED.sub("\ufffd", str(found[key])) for key in found}


def _rounded(value: Fraction | None) -> float | None:
    return None if value is None else round(float(value), 6)


def _probe_image(source: Source, limits: Limits, *, check: bool) -> MediaInfo | None:
    """A still image; None for animations, and for formats that Pillow doesn't know."""
    kind = source.sniffed
    with open_image(source.path, kind, source.name) as image:
        if image is None or (getattr(image, "is_animated", False) and kind.format in _ANIMATED):
            return None
        check_pixels(*image.size, limits, source.name)
        stream = describe(image, kind)
        tags = _tags({str(k): text for k, text in image.info.items() if isinstance(text, str)})
    if check:
        # Apart: a look for EXIF behind a PNG's samples loads them and lets damage pass, and a TIFF
        # forgets how it was turned once it is loaded (Pillow 13).
        with open_image(source.path, kind, source.name) as image:
            if image is not None:
                image.load()
    return MediaInfo(
        format=kind.format,
        kind="image",
        duration_s=None,
        start_s=None,
        size=source.path.stat().st_size,
        bit_rate=None,
        streams=(stream,),
        tags=tags,
    )
