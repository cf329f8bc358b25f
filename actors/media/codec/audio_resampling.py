"""Conversion of audio to another sample format, rate and layout; what it makes of fewer channels.

Channels are mixed down by FFmpeg's matrix, that of ITU-R BS.775 (centre and surround channels at
0.71 of their level, LFE left out), times `DOWNMIX_GAIN`. A limiter, which lets all else pass
unchanged, keeps what would still exceed full scale below it. The ffmpeg command mixes integers so
that no input can clip (5.1 to stereo 7.7 dB lower), and floats as loud as they come: a mix of
integers is therefore kept lower here too, and both stay within 3 dB of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import av
import av.error
from av.audio.resampler import AudioResampler
from av.filter import Graph

from reelyard.cluster.errors import UnsupportedOutput

DOWNMIX_GAIN = 0.75
"""2.5 dB: what a mix of loud channels gains over each of them, for the most part."""
MOST_OF_INTEGERS = 1 / DOWNMIX_GAIN**2
"""Most that the shares of one output channel come to before `DOWNMIX_GAIN`, in a mix of integers.
FFmpeg's limit is 1: what is cut to this ends 2.5 dB above it."""
_MOST_OF_FLOATS = 1000.0
MONO_GAIN = 0.71
"""Of two channels: both at one half, so that what is in both keeps its level."""
_CEILING = 0.97
_LIMITER = f"level=0:limit={_CEILING}:attack=5:release=50:latency=1"


class Resampler:
    """Converts frames of one format; PyAV's `AudioResampler`, but for fewer channels."""

    def __init__(
        self, format: str, layout: str, rate: int, *, takes: Sequence[av.AudioFormat] = ()
    ) -> None:
        """`format` of samples and `layout` by FFmpeg's names, `rate` in Hz; `takes`: all formats
        that the encoder behind it takes, if there are others."""
        self._format, self._layout, self._rate = format, layout, rate
        self._takes = takes or (av.AudioFormat(format),)
        self._channels = av.AudioLayout(layout).nb_channels
        self._plain: AudioResampler | None = None
        self._graph: Graph | None = None

    def resample(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        """What is ready now that `frame` has come; None: the rest."""
        if frame is None:
            return self._rest()
        try:
            return self._converted(frame)
        except av.error.ArgumentError as error:
            given = frame.layout.name
            raise UnsupportedOutput(
                f"audio of {given} can't become {self._layout}: it is not known where they belong",
                details={"layout": given, "allowed": "at most 8 channels, or a known layout"},
            ) from error

    def _converted(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        if self._plain is None and self._graph is None:
            if frame.layout.nb_channels > self._channels:
                self._graph = self._mixing(frame)
            else:
                self._plain = AudioResampler(self._format, self._layout, self._rate, threads=1)
        if self._plain is not None:
            return self._plain.resample(frame)
        assert self._graph is not None
        self._graph.push(frame)
        return _pulled(self._graph)

    def _rest(self) -> list[av.AudioFrame]:
        if self._plain is not None:
            return self._plain.resample(None)
        if self._graph is None:
            return []
        self._graph.push(None)
        return _pulled(self._graph)

    def _mixing(self, frame: av.AudioFrame) -> Graph:
        gain = MONO_GAIN if frame.layout.nb_channels == 2 else DOWNMIX_GAIN
        most = MOST_OF_INTEGERS if mixes_integers(frame.format, self._takes) else _MOST_OF_FLOATS
        base = frame.time_base
        given = f"sample_rate={frame.sample_rate}:sample_fmt={frame.format.name}"
        given += f":channel_layout={frame.layout.name}"
        if base.denominator:
            given += f":time_base={base.numerator}/{base.denominator}"
        mixed = f"osr={self._rate}:osf=dbl:ochl={self._layout}"
        mixed += f":rematrix_maxval={most}:rematrix_volume={gain}"
        wanted = f"sample_fmts={self._format}:sample_rates={self._rate}"
        wanted += f":channel_layouts={self._layout}"
        steps = (
            ("abuffer", given),
            ("aresample", mixed),
            ("alimiter", _LIMITER),
            ("aformat", wanted),
            ("abuffersink", None),
        )
        graph = Graph()
        graph.threads = 1
        graph.link_nodes(*(graph.add(name, args) for name, args in steps)).configure()
        return graph


def mixes_integers(source: av.AudioFormat, takes: Sequence[av.AudioFormat]) -> bool:
    """Whether the ffmpeg command would mix samples of the format `source` as integers for an
    encoder that `takes` these: where no other are taken, or such that hold all of theirs."""
    integers = [form for form in takes if not _is_float(form)]
    if len(integers) == len(takes):
        return True
    return not _is_float(source) and any(form.bits >= source.bits for form in integers)


def _is_float(form: av.AudioFormat) -> bool:
    return form.packed.name in ("flt", "dbl")


def _pulled(graph: Graph) -> list[av.AudioFrame]:
    found: list[av.AudioFrame] = []
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return found
        assert isinstance(frame, av.AudioFrame)
        found.append(frame)
