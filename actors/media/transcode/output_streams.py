"""The streams of an output, with encoders set up as asked for; its tags and chapters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from math import floor

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.stream import Disposition, Stream

from reelyard.actors.media.codec import containers, frame_conversion
from reelyard.actors.media.codec.chapters import set_chapters
from reelyard.actors.media.codec.geometry import Layout
from reelyard.actors.media.transcode.clip import Clip
from reelyard.actors.media.transcode.settings import (
    AudioSettings,
    VideoSettings,
    audio_layout,
    audio_rate,
    encoder_options,
)

_FINE_BASE = Fraction(1, 90_000)
_KEPT_TAGS = frozenset(
    {"title", "artist", "album", "album_artist", "composer", "genre", "date", "track"}
    | {"comment", "copyright", "description", "creation_time"}
)


_UNTAGGED: Mapping[str, frozenset[str]] = {
    "adts": _KEPT_TAGS,
    "wav": frozenset({"album_artist", "composer", "description"}),
    "mov": frozenset({"album_artist", "composer", "track", "description"}),
}
"""What FFmpeg 9's muxers do not write."""
_WITHOUT_CHAPTERS = frozenset({"adts", "wav"})
_LANGUAGE_OF_FILE = frozenset({"mp3", "flac", "wav"})
"""Muxers of formats with one track, whose language stands with the tags of the file."""


def copy_tags(clip: Clip, out: OutputContainer) -> list[str]:
    """Title, artist and the like; not what describes the old file. Remarks on what does not go
    along."""
    tags = clip.container.metadata
    if "ogg" in clip.container.format.name and clip.audio:
        # Ogg keeps them with the track.
        tags = {**clip.audio[0].metadata, **tags}
    kept = {key: text for key, text in tags.items() if key.lower() in _KEPT_TAGS}
    out.metadata.update(kept)
    untagged = _UNTAGGED.get(out.format.name, frozenset())
    lost = sorted({key.lower() for key in kept} & untagged - {"creation_time"})
    return [f"tags were left out: {', '.join(lost)}"] if lost else []


_TITLED = frozenset({"mp4", "mov", "matroska", "webm"})
"""Muxers of containers whose tracks have titles."""
_QUICKTIME_NAMES = {
    "deu": "ger",
    "ell": "gre",
    "isl": "ice",
    "nld": "dut",
    "sqi": "alb",
    "swe": "sve",
    "zho": "chi",
}
_QUICKTIME_LANGUAGES = frozenset(
    {"ara", "dan", "eng", "est", "fin", "fra", "heb", "hin", "hun", "ita", "jpn", "kor", "lav"}
    | {"lit", "mlt", "nor", "pol", "por", "rus", "spa", "tha", "tur", "urd"}
    | set(_QUICKTIME_NAMES.values())
)
"""What FFmpeg 9 writes into QuickTime files (as numbers), by its names."""


def label_track(out: OutputContainer, stream: Stream, source: Stream) -> list[str]:
    """Language and title of a track, as far as the output holds them; remarks on the rest."""
    found, notes = source.metadata, []
    language = found.get("language") or source.container.metadata.get("language")
    if language and language != "und":
        if out.format.name == "adts":
            notes.append(f"the language of the {source.type} track was left out: {language}")
        if out.format.name in _LANGUAGE_OF_FILE:
            out.metadata["language"] = language
        if out.format.name == "mov":
            language = _QUICKTIME_NAMES.get(language, language)
            if language not in _QUICKTIME_LANGUAGES:
                notes.append(f"the language of the {source.type} track was left out: {language}")
        stream.metadata["language"] = language
    # MP4 and MOV have it under another name.
    title = found.get("title") or found.get("name")
    if "ogg" in source.container.format.name:
        # There it is the title of the whole.
        title = None
    if title and out.format.name in _TITLED:
        stream.metadata["title"] = title
    elif title:
        notes.append(f"the title of the {source.type} track was left out: {title!r}")
    return notes


def copy_chapters(clip: Clip, out: OutputContainer) -> list[str]:
    """The chapters that lie in the wanted part, on the output's clock; a remark where the output
    holds none."""
    end = clip.end if clip.end is not None or clip.length is None else clip.start + clip.length
    kept = []
    for chapter in clip.container.chapters():
        base = chapter["time_base"]
        unit = Fraction(base.numerator, base.denominator)
        begin = max(0, floor(chapter["start"] - clip.start / unit))
        stop = chapter["end"] if end is None else min(chapter["end"], floor(end / unit))
        if (stop := floor(stop - clip.start / unit)) > begin:
            chapter["start"], chapter["end"] = begin, stop
            kept.append(chapter)
    if kept and out.format.name in _WITHOUT_CHAPTERS:
        return [f"{len(kept)} chapter(s) were left out"]
    set_chapters(out, kept)
    return []


def add_video(
    out: OutputContainer, video: VideoSettings, clips: list[Clip], layout: Layout, threads: int
) -> av.VideoStream:
    """The video, sized as `layout`, in 8-bit 4:2:0. Its encoder counts time in the source's own
    units, so that every frame keeps its time; at a set rate, and over several inputs, in
    others."""
    # SVT-AV1 writes its greetings to standard error unless it is told not to.
    os.environ.setdefault("SVT_LOG", "1")
    clip = clips[0]
    assert clip.video is not None
    assert clip.first is not None
    rate = video.fps or clip.rate.limit_denominator(100_000)
    encoder = containers.VIDEO_ENCODERS[video.codec]
    stream = out.add_stream(encoder, rate=rate, options=encoder_options(video, threads))
    assert isinstance(stream, av.VideoStream)
    stream.disposition = Disposition.default
    stream.width, stream.height, stream.pix_fmt = layout.width, layout.height, "yuv420p"
    context = stream.codec_context
    # PyAV's own default is slices only, which costs size and leaves cores idle.
    context.thread_type, context.thread_count = "AUTO", threads
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = (
        frame_conversion.output_tags(clip.first)
    )
    if encoder == "libx265" and out.format.name in ("mp4", "mov"):
        # QuickTime and Safari play H.265 under this name only, FFmpeg's own choice is "hev1".
        context.codec_tag = "hvc1"
    context.sample_aspect_ratio = Fraction(1)
    if video.bitrate is not None:
        context.bit_rate = video.bitrate
    context.time_base = _time_base(video, clips)
    # Else the last frame lasts as long as the one before it, however long it was shown.
    context.flags |= Flags.frame_duration
    return stream


def _time_base(video: VideoSettings, clips: list[Clip]) -> Fraction:
    if video.fps:
        return 1 / video.fps
    stream = clips[0].video
    if len(clips) > 1 or stream is None or not stream.time_base.numerator:
        return _FINE_BASE
    return Fraction(stream.time_base.numerator, stream.time_base.denominator)


def add_audio(
    out: OutputContainer, audio: AudioSettings, source: av.AudioStream, form: str
) -> av.AudioStream:
    """An audio track made from `source` for the format `form`: as many channels and the rate as
    wanted, or as it has; FLAC with 24 bits where the source has more than 16."""
    encoder = containers.AUDIO_ENCODERS[audio.codec]
    given = source.codec_context
    most = containers.most_channels(form, audio.codec)
    layout = audio_layout(audio.codec, most, given.channels, given.layout.name, audio.channels)
    rates = av.Codec(encoder, "w").audio_rates
    rate = audio_rate(given.sample_rate, audio.sample_rate, rates)
    stream = out.add_stream(encoder, rate=rate, layout=layout)
    assert isinstance(stream, av.AudioStream)
    context = stream.codec_context
    context.thread_count = 1
    # Lossy decoders' samples have 32 bits of which nothing was recorded.
    if encoder == "flac" and given.codec.lossless and given.format.bits > 16:
        context.format = "s32"
    bits = audio.bitrate or containers.audio_bits_for(
        audio.codec, audio.quality, context.layout.nb_channels
    )
    if bits is not None:
        context.bit_rate = bits
    stream.disposition = source.disposition & Disposition.default
    return stream
