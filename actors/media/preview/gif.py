"""An animated GIF of a stretch of film, with a palette of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.reformatter import VideoReformatter

from actors.media.codec.errors import media_errors
from actors.media.codec.frame_conversion import FilterChain, Normalizer
from actors.media.frames import Picture, cross_fade, fade, fade_level, to_frame
from actors.media.operation import Limits, MediaFile, Progress, Source
from actors.media.sampling.times import tick_count
from actors.media.sampling.video import Painter, open_film, scaled_size
from actors.media.stills import refuse_behind_end
from cluster.errors import CorruptMedia, VerificationFailed

# Pictures up to this size are kept between the two passes; longer ones are decoded twice.
_KEEP_BYTES = 128 << 20
# GIF counts in hundredths of a second.
_CLOCK = Fraction(1, 100)
_PALETTE = "stats_mode=full"
# Ordered dither: a third smaller and faster than error diffusion, and still pictures stay still.
_DITHER = "dither=bayer:bayer_scale=3:diff_mode=rectangle"

Pictures = Iterable[tuple[Picture, av.VideoFrame]]


@dataclass(frozen=True)
class Cut:
    """Which stretch of the film is taken, and how; times in s."""

    start_s: float
    duration_s: float
    fps: int
    width: int
    fade_s: float = 0.0
    loop_fade_s: float = 0.0


def write_gif(
    source: Source,
    out: Path,
    cut: Cut,
    *,
    limits: Limits,
    threads: int = 1,
    progress: Progress | None = None,
) -> MediaFile:
    """Write the stretch as a GIF that repeats for ever; it ends where the film ends.

    Raises `MediaError` for a start behind the end, `NoSuchStream`, `CorruptMedia`,
    `VerificationFailed` when the file does not hold all its frames.
    """
    progress = progress or Progress()
    with open_film(source, limits, threads) as film:
        refuse_behind_end("start", cut.start_s, film.duration_s, source.name)
        end_s = cut.start_s + cut.duration_s
        if film.duration_s:
            end_s = min(end_s, film.duration_s)
        count = tick_count(cut.start_s, end_s, cut.fps)
        size = scaled_size(film.width, film.height, cut.width)
        painter = Painter(film, *size, threads)

        def pictures(share: float, base: float) -> Iterator[tuple[Picture, av.VideoFrame]]:
            sampled = film.sampled(cut.start_s, cut.fps, count)
            for index, frame in enumerate(sampled):
                progress("decode", fraction=base + share * index / count)
                yield painter.paint(frame)

        kept: Pictures | None = None
        if size[0] * size[1] * 3 // 2 * count <= _KEEP_BYTES:
            kept = list(pictures(0.6, 0.0))
        first = kept if kept is not None else pictures(0.4, 0.0)
        palette = _palette(rgb(graded(first, cut, count)))
        second = kept if kept is not None else pictures(0.4, 0.4)
        with media_errors(out.name, writing=True):
            _write(out, palette, rgb(graded(second, cut, count)), cut.fps, progress)
    return _verified(out, count - _overlap(cut, count), cut.fps)


def graded(pictures: Pictures, cut: Cut, count: int) -> Pictures:
    """The pictures with the fades of `cut`; a loop fade shortens them by its own length."""
    overlap = _overlap(cut, count)
    length_s = (count - overlap) / cut.fps
    for index, (picture, like) in enumerate(_looped(pictures, count, overlap)):
        if cut.fade_s:
            time_s = index / cut.fps
            visible = min(
                fade_level(time_s, 0, cut.fade_s, "in"),
                fade_level(time_s + 1 / cut.fps, length_s - cut.fade_s, cut.fade_s, "out"),
            )
            yield fade(picture, visible), like
        else:
            yield picture, like


def _overlap(cut: Cut, count: int) -> int:
    return min(round(cut.loop_fade_s * cut.fps), count // 2)


def _looped(pictures: Pictures, count: int, overlap: int) -> Pictures:
    """Leave out the first `overlap` pictures and blend them into the last ones instead."""
    head: list[Picture] = []
    for index, (picture, like) in enumerate(pictures):
        if index < overlap:
            head.append(picture)
        elif index < count - overlap or not overlap:
            yield picture, like
        else:
            step = index - (count - overlap)
            yield cross_fade(picture, head[step], (step + 1) / (overlap + 1)), like


def rgb(pictures: Pictures) -> Iterator[av.VideoFrame]:
    """The pictures as bgra frames, which the palette filters work on."""
    scaler: Normalizer | None = None
    packer = VideoReformatter()
    for index, (picture, like) in enumerate(pictures):
        scaler = scaler or Normalizer(picture.width, picture.height, "rgb24")
        # By way of rgb24: swscale of FFmpeg 9.0 leaves the last columns of yuv420p to bgra
        # unwritten where the width is 1 to 4 more than a multiple of 16.
        frame = packer.reformat(scaler.convert(to_frame(picture, like)), format="bgra")
        frame.pts, frame.time_base = index, _CLOCK
        yield frame


def _palette(frames: Iterator[av.VideoFrame]) -> av.VideoFrame:
    chain = FilterChain([("palettegen", _PALETTE)])
    found: list[av.VideoFrame] = []
    for frame in frames:
        found += chain.push(frame)
    found += chain.flush()
    if not found:
        raise CorruptMedia("no picture could be decoded")
    return found[-1]


class _Mapper:
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
        while True:
            try:
                mapped = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(mapped, av.VideoFrame)
            yield mapped


def _write(
    out: Path,
    palette: av.VideoFrame,
    frames: Iterator[av.VideoFrame],
    fps: int,
    progress: Progress,
) -> None:
    mapper: _Mapper | None = None
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
                mapper = _Mapper(palette, frame)
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
