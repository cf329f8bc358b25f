"""The input of an enhancement: which streams, which part, and in what form it is worked on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer

from actors.media.audio.formats import (
    SourceSound,
    Target,
    choose_channels,
    choose_layout,
    choose_rate,
)
from actors.media.audio.pcm import PcmFormat, Region
from actors.media.audio.render import fits, key_frame_before
from actors.media.codec.decode import best_video, origin_s, require_audio, seconds
from actors.media.operation import Source
from cluster.errors import UnsupportedCodec


@dataclass(frozen=True)
class Input:
    """The open source, and what of it is worked on."""

    container: InputContainer
    sound: av.AudioStream
    film: av.VideoStream | None
    origin: Fraction
    """The start of the whole, in s on the container's clock."""
    region: Region
    source: SourceSound
    name: str

    @property
    def length_s(self) -> float:
        """Of the region as the header tells; 0 where it does not."""
        duration = (self.container.duration or 0) / av.time_base
        end = origin_s(self.container) + Fraction(duration)
        if self.region.end is not None:
            end = min(end, self.region.end) if duration else self.region.end
        return max(0.0, float(end - self.region.zero))


def examine(
    container: InputContainer, source: Source, *, start_s: float | None, end_s: float | None
) -> Input:
    """Choose the streams and fix the region.

    Raises `NoSuchStream` for an input without sound, `UnsupportedCodec` without a decoder.
    """
    sound = require_audio(container, source.name)
    film = best_video(container)
    origin = origin_s(container)
    if film is None and start_s is None:
        first = seconds(sound.start_time, sound.time_base)
        origin = origin if first is None else first
    zero = origin + Fraction(start_s or 0)
    return Input(
        container=container,
        sound=sound,
        film=film,
        origin=origin,
        region=Region(
            zero, None if end_s is None else origin + Fraction(end_s), start_s is not None
        ),
        source=SourceSound(
            container=container.format.name,
            suffix=Path(source.name).suffix.lower(),
            codec=sound.codec_context.codec.canonical_name,
            deep=_is_deep(sound),
            film=film is not None,
        ),
        name=source.name,
    )


def _is_deep(sound: av.AudioStream) -> bool:
    context = sound.codec_context
    bits = getattr(context, "bits_per_coded_sample", 0) or 0
    lossless = context.codec.canonical_name.startswith(("pcm_", "flac", "alac", "wavpack"))
    # Without a header that tells, FFmpeg has no format yet.
    form: av.AudioFormat | None = context.format
    wide = form is not None and form.bytes > 2
    return lossless and (bits > 16 or (bits == 0 and wide))


def to_key_frame(given: Input) -> Input:
    """With the region's start moved to the film's key frame at or before it.

    A copied film can begin nowhere else; sound and picture stay together.
    """
    if given.film is None or not given.region.cut:
        return given
    at = key_frame_before(given.container, given.film, given.region.zero)
    zero = given.region.zero if at is None else min(at, given.region.zero)
    return replace(given, region=Region(zero, given.region.end, cut=True))


def pcm_for(given: Input, target: Target) -> PcmFormat:
    """Rate and channels in which the sound is worked on: those in which it is encoded."""
    context = given.sound.codec_context
    source_channels = min(8, max(1, context.channels))
    channels = choose_channels(target.encoder, source_channels)
    rate = choose_rate(target.encoder, context.sample_rate or 48_000)
    named = context.layout.name
    keep = channels == context.channels and "channels" not in named
    layout = choose_layout(target.encoder, channels, named if keep else "")
    return PcmFormat(rate, layout, channels)


def check_film(given: Input, target: Target) -> None:
    """Raises `UnsupportedCodec` if the film does not go into the container of `target`."""
    if given.film is None or not target.video or fits(target, given.film):
        return
    codec = given.film.codec_context.codec.canonical_name
    raise UnsupportedCodec(
        f"{given.name!r}: its picture ({codec}) does not go into {target.format}; "
        "mkv takes every codec",
        details={"codec": codec, "format": target.format},
    )
