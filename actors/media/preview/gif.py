"""An animated GIF of a stretch of a video, with a palette of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.reformatter import VideoReformatter

from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.frame_conversion import FilterChain, Normalizer, pulled
from reelyard.actors.media.frames import Frame, cross_fade, fade, fade_level, to_av_frame
from reelyard.actors.media.operation import Limits, MediaFile, Progress, Source
from reelyard.actors.media.sampling.scaler import UprightScaler, scaled_size
from reelyard.actors.media.sampling.shown_at import tick_count
from reelyard.actors.media.sampling.video import Findings, open_video
from reelyard.cluster.errors import CorruptMedia, VerificationFailed

# Frames up to this size are kept between the two passes; longer ones are decoded twice.
_KEEP_BYTES = 128 << 20
# GIF counts in hundredths of a second.
_CLOCK = Fraction(1, 100)
_PALETTE = "stats_mode=full"
# Ordered dither: a third smaller and faster than error diffusion, and still frames stay still.
_DITHER = "dither=bayer:bayer_scale=3:diff_mode=rectangle"

Frames = Iterable[tuple[Frame, av.VideoFrame]]
"""Each with a frame of PyAV's that carries its colour tags."""


@dataclass(frozen=True)
class GifSettings:
    """Which stretch of the video is taken, and how; times in s."""

    start_s: float
    duration_s: float
    fps: int
    width: int
    fade_s: float = 0.0
    loop_fade_s: float = 0.0


def write_gif(
    source: Source,
    out: Path,
    settings: GifSettings,
    *,
    limits: Limits,
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[MediaFile, Findings]:
    """Write the stretch as a GIF that repeats for ever; it ends where the video ends, or what is
    there of it. Also returns what was found wrong with the video.

    Raises `MediaError` for a start behind the end, `NoSuchStream`, `CorruptMedia`,
    `VerificationFailed` when the file does not hold all its frames.
    """
    progress = progress or Progress()
    with open_video(source, limits, threads, tick=progress) as video:
        video.refuse_behind_end("start", settings.start_s)
        count = _count(settings, video.duration_s)
        size = scaled_size(video.width, video.height, settings.width)
        scaler = UprightScaler(video, *size, threads)

        def frames(share: float, base: float) -> Iterator[tuple[Frame, av.VideoFrame]]:
            sampled = video.sampled(settings.start_s, settings.fps, count)
            for index, frame in enumerate(sampled):
                progress("decode", fraction=base + share * index / count)
                yield scaler.scale(frame)

        kept: list[tuple[Frame, av.VideoFrame]] | None = None
        if size[0] * size[1] * 3 // 2 * count <= _KEEP_BYTES:
            kept = list(frames(0.6, 0.0))
            count = len(kept)
        elif not video.measure().whole:
            count = _count(settings, video.duration_s)
        video.refuse_behind_end("start", settings.start_s)
        first = kept if kept is not None else frames(0.4, 0.0)
        palette = _palette(packed(graded(first, settings, count)))
        second = kept if kept is not None else frames(0.4, 0.4)
        with media_errors(out.name, writing=True):
            _write(out, palette, packed(graded(second, settings, count)), settings.fps, progress)
        found = video.found
    return _verified(out, count - _overlap(settings, count), settings.fps), found


def _count(settings: GifSettings, length_s: float) -> int:
    """How many frames the stretch has in a video of that length; 0: it is unknown."""
    end_s = settings.start_s + settings.duration_s
    return tick_count(settings.start_s, min(end_s, length_s or end_s), settings.fps)


def graded(frames: Frames, settings: GifSettings, count: int) -> Frames:
    """The frames with the fades of `settings`; a loop fade shortens them by its own length."""
    overlap = _overlap(settings, count)
    length_s = (count - overlap) / settings.fps
    for index, (frame, like) in enumerate(_looped(frames, count, overlap)):
        if settings.fade_s:
            time_s = index / settings.fps
            visible = min(
                fade_level(time_s, 0, settings.fade_s, "in"),
                fade_level(
                    time_s + 1 / settings.fps, length_s - settings.fade_s, settings.fade_s, "out"
                ),
            )
            yield fade(frame, visible), like
        else:
            yield frame, like


def _overlap(settings: GifSettings, count: int) -> int:
    return min(round(settings.loop_fade_s * settings.fps), count // 2)


def _looped(frames: Frames, count: int, overlap: int) -> Frames:
    """Leave out the first `overlap` frames and blend them into the last ones instead."""
    head: list[Frame] = []
    for index, (frame, like) in enumerate(frames):
        if index < overlap:
            head.append(frame)
        elif index < count - overlap or not overlap:
            yield frame, like
        else:
            step = index - (count - overlap)
            yield cross_fade(frame, head[step], (step + 1) / (overlap + 1)), like


def packed(frames: Frames) -> Iterator[av.VideoFrame]:
    """The frames as bgra, which the palette filters work on."""
    scaler: Normalizer | None = None
    packer = VideoReformatter()
    for index, (frame, like) in enumerate(frames):
        scaler = scaler or Normalizer(frame.width, frame.height, "rgb24")
        # By way of rgb24: swscale of FFmpeg 9.0 leaves the last columns of yuv420p to bgra
        # unwritten where the width is 1 to 4 more than a multiple of 16.
        bgra = packer.reformat(scaler.convert(to_av_frame(frame, like)), format="bgra")
        bgra.pts, bgra.time_base = index, _CLOCK
        yield bgra


def _palette(frames: Iterator[av.VideoFrame]) -> av.VideoFrame:
    chain = FilterChain([("palettegen", _PALETTE)])
    found: list[av.VideoFrame] = []
    for frame in frames:
        found += chain.push(frame)
    found += chain.flush()
    if not found:
        raise CorruptMedia("no frame could be decoded")
    return found[-1]


class _PaletteMapper:
    """The filter `paletteuse`: frames in, frames of palette indices out."""

    def __init__(self, palette: av.VideoFrame, like: av.VideoFrame) -> None:
        graph = Graph()
        self._source = self._buffer(graph, like)
        colours = self._buffer(graph, palette)
        use = graph.add("paletteuse", _DITHER)
        self._sink = graph.add("buffersink")
        self._source.link_to(use, 0, 0)
        colours.link_to(use, 0, 1)
        use.link_to(self._sink)
        graph.configure()
        self._graph = graph
        palette.pts, palette.time_base = 0, _CLOCK
        colours.push(palette)
        colours.push(None)

    @staticmethod
    def _buffer(graph: Graph, frame: av.VideoFrame) -> FilterContext:
        return graph.add(
            "buffer",
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}"
            f":time_base={_CLOCK.numerator}/{_CLOCK.denominator}:pixel_aspect=1/1",
        )

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """The frames that come out once `frame` (None: the end) went in."""
        self._source.push(frame)
        yield from pulled(self._sink)


def _write(
    out: Path,
    palette: av.VideoFrame,
    frames: Iterator[av.VideoFrame],
    fps: int,
    progress: Progress,
) -> None:
    mapper: _PaletteMapper | None = None
    count = 0
    with av.open(str(out), "w", format="gif", options={"loop": "0"}) as container:
        stream = container.add_stream("gif", rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = "pal8"
        stream.width, stream.height = 0, 0

        def encode(found: Iterable[av.VideoFrame]) -> None:
            nonlocal count
            for mapped in found:
                mapped.pts, mapped.time_base = round(count * 100 / fps), _CLOCK
                mapped.pict_type = 0
                container.mux(stream.encode(mapped))
                count += 1
                progress("encode")

        for frame in frames:
            if mapper is None:
                mapper = _PaletteMapper(palette, frame)
                stream.width, stream.height = frame.width, frame.height
                stream.codec_context.time_base = _CLOCK
            encode(mapper.push(frame))
        if mapper is not None:
            encode(mapper.push(None))
        container.mux(stream.encode(None))


def _verified(out: Path, frames: int, fps: int) -> MediaFile:
    with av.open(str(out), format="gif") as container:
        stream = container.streams.video[0]
        width, height = stream.width, stream.height
        found = sum(1 for _ in container.decode(stream))
    if found != frames:
        raise VerificationFailed(f"{out.name!r} holds {found} frames instead of {frames}")
    facts = {
        "format": "gif",
        "width": width,
        "height": height,
        "frames": frames,
        "fps": fps,
        "duration_s": round(frames / fps, 3),
        "size": out.stat().st_size,
    }
    return MediaFile(out, "animation", facts, "image/gif")
