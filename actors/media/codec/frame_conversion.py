"""Frames in the size, format and orientation that an encoder or an image needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import av
import av.error
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.reformatter import (
    ColorRange,
    Colorspace,
    Interpolation,
    VideoReformatter,
)

from reelyard.actors.media.codec.colour.tonemap import ToneMapper, is_hdr
from reelyard.actors.media.codec.geometry import (
    Orientation,
    Rect,
    orientation_of,
    part_of,
    rotation_of,
)
from reelyard.actors.media.frames import (
    blank,
    matrix_of,
    overlay,
    parse_colour,
    to_av_frame,
    view,
    yuv_of,
)

_SPACES = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 9: Colorspace.BT2020}
"""By H.273's number."""
BLACK, WHITE = "#000000", "#ffffff"
Filter = tuple[str, str]


def orientation(stream: av.VideoStream, frame: av.VideoFrame | None = None) -> Orientation:
    """How the stream (or one frame of it, e.g. of a photo with EXIF) is turned for display."""
    matrix = stream.codec_context.coded_side_data.get("display_matrix", b"")
    if not matrix and frame is not None:
        return frame_orientation(frame)
    return orientation_of(matrix)


def frame_orientation(frame: av.VideoFrame) -> Orientation:
    """How a decoded frame is turned for display, by its own side data; a mirror is not told."""
    # Not `frame.side_data`: PyAV 19 frees the metadata of an entry twice (an ICC profile has some).
    return rotation_of(frame.rotation)


def clean_part(stream: av.VideoStream) -> Rect | None:
    """The part of the stream's frames that is to be shown (a clean aperture); None: all of it."""
    context = stream.codec_context
    cropping = context.coded_side_data.get("frame_cropping", b"")
    return part_of(cropping, context.width, context.height) if cropping else None


def shown_part(stream: av.VideoStream) -> tuple[int, int]:
    """Width and height (px, as coded) of what is shown of the stream's frames."""
    part = clean_part(stream)
    return (stream.width, stream.height) if part is None else (part.width, part.height)


def cutter(part: Rect | None) -> FilterChain | None:
    """What cuts decoded frames to `part`; None: nothing is to be cut."""
    if part is None:
        return None
    return FilterChain([("crop", f"{part.width}:{part.height}:{part.x}:{part.y}")])


def turn_filters(turn: Orientation) -> list[Filter]:
    """The filters that carry out `turn`: mirror first, then turn counter-clockwise."""
    if turn.turns == 2:
        # "vflip" only turns the line size negative, which NumPy views can't follow; the filter
        # behind it writes a fresh frame.
        return [("vflip", ""), ("copy", "") if turn.mirror else ("hflip", "")]
    filters: list[Filter] = [("hflip", "")] if turn.mirror else []
    if turn.turns:
        filters.append(("transpose", "cclock" if turn.turns == 1 else "clock"))
    return filters


def upright(frame: av.VideoFrame, rotation: int | Orientation) -> av.VideoFrame:
    """`frame` turned for display; `rotation` in degrees counter-clockwise (as `frame.rotation`),
    or an `Orientation`. The same frame if there is nothing to do."""
    turn = rotation_of(rotation) if isinstance(rotation, int) else rotation
    if turn.is_identity:
        return frame
    return next(FilterChain(turn_filters(turn)).push(frame))


def pulled(sink: FilterContext) -> Iterator[av.VideoFrame]:
    """The frames that a filter graph has ready at its sink."""
    while True:
        try:
            frame = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        yield frame


class FilterChain:
    """A linear chain of FFmpeg filters for video frames; it follows changes of the input.

    Colour space and range are handed to the chain explicitly: without them libavfilter inserts a
    slow conversion and gives other pixels.
    """

    def __init__(self, filters: Sequence[Filter], threads: int = 1) -> None:
        self._filters = list(filters)
        self._threads = threads
        self._key: tuple[object, ...] | None = None
        self._source: FilterContext | None = None
        self._sink: FilterContext | None = None
        self._graph: Graph | None = None

    def push(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """The frames that come out once `frame` went in."""
        if not self._filters:
            yield frame
            return
        base = frame.time_base
        key = (
            frame.width,
            frame.height,
            frame.format.name,
            int(frame.colorspace),
            int(frame.color_range),
            (base.numerator, base.denominator) if base else (1, 90_000),
        )
        if key != self._key:
            yield from self.flush()
            self._build(key)
        assert self._source is not None
        assert self._sink is not None
        self._source.push(frame)
        yield from pulled(self._sink)

    def flush(self) -> Iterator[av.VideoFrame]:
        """The frames that are still inside; the next `push` starts afresh."""
        if self._source is not None:
            self._source.push(None)
            assert self._sink is not None
            yield from pulled(self._sink)
        self._source = self._sink = self._graph = self._key = None

    def _build(self, key: tuple[object, ...]) -> None:
        width, height, pix_fmt, space, color_range, base = key
        assert isinstance(base, tuple)
        graph = Graph()
        graph.threads = self._threads
        source = graph.add(
            "buffer",
            f"video_size={width}x{height}:pix_fmt={pix_fmt}:time_base={base[0]}/{base[1]}"
            f":pixel_aspect=1/1:colorspace={space}:range={color_range}",
        )
        nodes = [source, *(graph.add(name, args or None) for name, args in self._filters)]
        sink = graph.add("buffersink")
        graph.link_nodes(*nodes, sink).configure()
        self._graph, self._source, self._sink, self._key = graph, source, sink, key


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether pixels of the frame can be clear."""
    return any(part.is_alpha for part in frame.format.components)


def is_rgb(frame: av.VideoFrame) -> bool:
    """Whether the samples are red, green and blue (or a palette of these), not YUV."""
    return frame.format.is_rgb or frame.format.name in {"pal8", "monob", "monow"}


class Normalizer:
    """Scales frames to `width` x `height` px in `pix_fmt` (limited range YUV, or RGB).

    PQ and HLG are tone-mapped to BT.709; RGB becomes BT.709; other YUV keeps its colour space and
    says so in its tags. With a `space` (H.273), all that is tagged comes out in that one. In
    yuv420p, clear pixels come to lie on `behind` (#rrggbb). One object for one stream: it keeps the
    scaler.
    """

    def __init__(
        self,
        width: int,
        height: int,
        pix_fmt: str = "yuv420p",
        *,
        behind: str = BLACK,
        space: int | None = None,
        interpolation: Interpolation = Interpolation.BICUBIC,
        threads: int = 1,
    ) -> None:
        self.width = width
        self.height = height
        self.pix_fmt = pix_fmt
        self._behind = behind
        self._space = _SPACES.get(space) if space is not None else None
        self._interpolation = interpolation
        self._threads = threads
        self._scaler = VideoReformatter()
        self._tones: ToneMapper | None = None
        self._to_rgb = av.VideoFormat(pix_fmt, width, height).is_rgb

    def convert(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame in the wanted shape; its pts and time base stay. It may be `frame` itself."""
        if is_hdr(frame.color_trc):
            self._tones = self._tones or ToneMapper(
                self.width, self.height, self._interpolation, self._threads
            )
            frame = self._tones.convert(frame)
        if self.pix_fmt == "yuv420p" and has_alpha(frame):
            result = _opaque(self._scaled(frame, "yuva420p"), self._behind)
        else:
            result = self._scaled(frame, self.pix_fmt)
        # The source's own I, P and B would force the encoder's hand.
        result.pict_type = 0
        return result

    def _scaled(self, frame: av.VideoFrame, pix_fmt: str) -> av.VideoFrame:
        return self._scaler.reformat(
            frame,
            self.width,
            self.height,
            pix_fmt,
            interpolation=self._interpolation,
            dst_colorspace=None if self._to_rgb else self._target_space(frame),
            dst_color_range=ColorRange.JPEG if self._to_rgb else ColorRange.MPEG,
            threads=self._threads,
        )

    def _target_space(self, frame: av.VideoFrame) -> Colorspace | None:
        if is_rgb(frame):
            return self._space or Colorspace.ITU709
        same = _SPACES.get(int(frame.colorspace), self._space) is self._space
        return None if same else self._space


def _opaque(frame: av.VideoFrame, behind: str) -> av.VideoFrame:
    """A yuva420p frame over a colour."""
    upper = view(frame)
    colour = yuv_of(parse_colour(behind)[:3], matrix_of(frame))
    base = blank(upper.width, upper.height, colour)
    overlay(base, upper, 0, 0)
    return to_av_frame(base, frame)


def output_tags(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Colour space, range, primaries and transfer (H.273) of what `Normalizer` makes of frames
    like this one, in YUV."""
    if is_hdr(frame.color_trc) or is_rgb(frame):
        return 1, 1, 1, 1
    return (
        int(frame.colorspace),
        int(ColorRange.MPEG),
        int(frame.color_primaries),
        int(frame.color_trc),
    )
