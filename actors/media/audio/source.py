"""The source of an enhancement: its streams, the region of it, and the form it is worked on in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer

from reelyard.actors.media.audio.companions import fits, key_frame_before
from reelyard.actors.media.audio.output_formats import (
    SourceFormat,
    Target,
    choose_channels,
    choose_layout,
    choose_rate,
)
from reelyard.actors.media.audio.pcm.blocks import PcmFormat
from reelyard.actors.media.audio.pcm.reader import AudioRegion
from reelyard.actors.media.codec.decode import best_video, origin_s, require_audio, seconds, whole_s
from reelyard.actors.media.codec.timing.ending import Expectation, expectation
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.operation import Source
from reelyard.cluster.errors import UnsupportedCodec


@dataclass(frozen=True)
class EnhancementSource:
    """The open source, and what of it is worked on."""

    container: InputContainer
    clock: PacketClock
    audio: av.AudioStream
    video: av.VideoStream | None
    origin: Fraction
    """The start of the whole, in s on the container's clock."""
    region: AudioRegion
    format: SourceFormat
    name: str
    told: Expectation
    """What the header says of its end."""

    @property
    def length_s(self) -> float:
        """Of the region as the header tells; 0 where it does not."""
        whole = whole_s(self.clock)
        known = [self.region.end, None if whole is None else self.origin + whole]
        end = min((at for at in known if at is not None), default=self.region.zero)
        return max(0.0, float(end - self.region.zero))


def choose_streams(
    clock: PacketClock,
    file: Source,
    *,
    start_s: float | None,
    end_s: float | None,
    vacant: frozenset[int] = frozenset(),
) -> EnhancementSource:
    """The streams of the open `file` that are worked on, none of the `vacant` ones, and the region
    of them.

    Raises `NoSuchStream` for an input without audio, `UnsupportedCodec` without a decoder.
    """
    container = clock.container
    audio = require_audio(container, file.name, vacant=vacant)
    video = best_video(container, vacant)
    origin = origin_s(container)
    if video is None and start_s is None:
        first = seconds(audio.start_time, audio.time_base)
        origin = origin if first is None else first
    zero = origin + Fraction(start_s or 0)
    end = None if end_s is None else origin + Fraction(end_s)
    return EnhancementSource(
        container=container,
        clock=clock,
        audio=audio,
        video=video,
        origin=origin,
        region=AudioRegion(zero, end, start_s is not None),
        format=SourceFormat(
            container=container.format.name,
            suffix=Path(file.name).suffix.lower(),
            codec=audio.codec_context.codec.canonical_name,
            deep=_is_deep(audio),
            has_video=video is not None,
        ),
        name=file.name,
        told=expectation(file, container),
    )


def _is_deep(audio: av.AudioStream) -> bool:
    context = audio.codec_context
    bits = getattr(context, "bits_per_coded_sample", 0) or 0
    lossless = context.codec.canonical_name.startswith(("pcm_", "flac", "alac", "wavpack"))
    # Without a header that tells, FFmpeg has no format yet.
    form: av.AudioFormat | None = context.format
    wide = form is not None and form.bytes > 2
    return lossless and (bits > 16 or (bits == 0 and wide))


def to_key_frame(source: EnhancementSource) -> EnhancementSource:
    """With the region's start moved to the video's key frame at or before it.

    A copied video can begin nowhere else; audio and video stay together.
    """
    if source.video is None or not source.region.cut:
        return source
    at = key_frame_before(source.clock, source.video, source.region.zero)
    zero = source.region.zero if at is None else min(at, source.region.zero)
    return replace(source, region=AudioRegion(zero, source.region.end, cut=True))


def pcm_for(source: EnhancementSource, target: Target) -> PcmFormat:
    """Rate and channels in which the audio is worked on: those in which it is encoded."""
    context = source.audio.codec_context
    source_channels = min(8, max(1, context.channels))
    channels = choose_channels(target.encoder, source_channels)
    rate = choose_rate(target.encoder, context.sample_rate or 48_000)
    named = context.layout.name
    keep = channels == context.channels and "channels" not in named
    layout = choose_layout(target.encoder, channels, named if keep else "")
    return PcmFormat(rate, layout, channels)


def check_video_fits(source: EnhancementSource, target: Target) -> None:
    """Raises `UnsupportedCodec` if the video does not go into the container of `target`."""
    if source.video is None or not target.holds_video or fits(target, source.video):
        return
    codec = source.video.codec_context.codec.canonical_name
    raise UnsupportedCodec(
        f"{source.name!r}: its video ({codec}) does not go into {target.format} as it is; "
        "transcode it first, or ask for a format of audio",
        details={"codec": codec, "format": target.format},
    )
