"""An enhancement of one file, in passes: analyse, clean up, level, write, measure the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from reelyard.actors.media.audio.clean_up_chain import CleanUp, CleanUpChain, plan_chain
from reelyard.actors.media.audio.companions import (
    Companions,
    copied_streams,
    copied_tags,
    track_tags,
)
from reelyard.actors.media.audio.filter_graph import FilterRun
from reelyard.actors.media.audio.gain import (
    GainSetting,
    LoudnessGoal,
    corrected_setting,
    find_setting,
    is_reached,
    levelled,
)
from reelyard.actors.media.audio.measures.analysis import Analysis, Findings
from reelyard.actors.media.audio.measures.loudness import Loudness, LoudnessMeter
from reelyard.actors.media.audio.output_formats import Target
from reelyard.actors.media.audio.pass_progress import PassProgress
from reelyard.actors.media.audio.pcm.blocks import Block, PcmFormat
from reelyard.actors.media.audio.pcm.reader import AudioRegion, PcmReader
from reelyard.actors.media.audio.pcm.spool import PcmSpool
from reelyard.actors.media.audio.source import EnhancementSource
from reelyard.actors.media.audio.writer import write_audio
from reelyard.actors.media.codec.decode import require_audio, seconds
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.operation import Limits, Progress, Source
from reelyard.actors.media.truncation.policy import Ending
from reelyard.cluster.errors import CorruptMedia, MediaError

_MOST_RENDERS = 4


@contextmanager
def removed_on_failure(path: Path) -> Iterator[None]:
    """No half-written file stays behind."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@dataclass
class EnhancementReport:
    """What an enhancement did."""

    before: Findings
    after: Loudness
    chain: CleanUpChain
    setting: GainSetting
    copied: dict[str, int]
    """Packets copied, by stream type."""
    samples: int
    """Written, for each channel."""
    rate: int
    bad_packets: int
    gaps_s: float
    ending: Ending
    """How the source ended."""


@dataclass
class Enhancement:
    """One run: everything that the passes share."""

    source: EnhancementSource
    target: Target
    pcm: PcmFormat
    wanted: CleanUp
    goal: LoudnessGoal
    bit_rate: int | None
    limits: Limits
    progress: Progress
    partial: bool = False
    """Take what is there of a source that is cut off short."""
    _passes: PassProgress = field(init=False)

    def __post_init__(self) -> None:
        self._passes = PassProgress(self.progress, self.source.length_s)

    def run(self, output: Path) -> EnhancementReport:
        """Write `output`. Spools of the decoded and the cleaned audio lie beside it meanwhile."""
        decoded_path = output.with_name(f".{output.name}.pcm")
        cleaned_path = output.with_name(f".{output.name}.clean.pcm")
        with (
            PcmSpool(decoded_path, self.pcm, output.name) as decoded,
            PcmSpool(cleaned_path, self.pcm, output.name) as cleaned,
        ):
            reader, found = self._analyse(decoded)
            ending = self._ending(reader)
            self._passes.length_s = decoded.samples / self.pcm.rate
            chain = plan_chain(self.wanted, found, self.pcm.rate)
            audio, loudness = decoded, found.loudness
            if chain.filters:
                loudness = self._clean_up(decoded, chain, cleaned)
                decoded.drop()
                audio = cleaned

            def loudness_at(setting: GainSetting) -> float | None:
                self._passes.begin("encode", 0.04)
                return self._measure(levelled(audio.blocks(), self.pcm, setting)).integrated_lufs

            margin = self.target.encoder.peak_margin_db
            setting = find_setting(loudness, self.goal, loudness_at, margin_db=margin)
            setting, copied, after = self._render(output, audio, setting)
            return EnhancementReport(
                before=found,
                after=after,
                chain=chain,
                setting=setting,
                copied=copied,
                samples=audio.samples,
                rate=self.pcm.rate,
                bad_packets=reader.bad_packets,
                gaps_s=reader.gaps_s,
                ending=ending,
            )

    def _analyse(self, decoded: PcmSpool) -> tuple[PcmReader, Findings]:
        """Decode once, into the spool and into the meters."""
        self._passes.begin("decode", 0.25)
        source = self.source
        reader = PcmReader(
            source.clock,
            source.audio,
            self.pcm,
            source.region,
            name=source.name,
            max_duration_s=self.limits.max_duration_s,
        )
        analysis = Analysis(self.pcm)
        for block in reader.blocks():
            decoded.write(block)
            analysis.feed(block)
            share = reader.reach.position / (source.container.size or 1)
            self._passes.at(decoded.samples / self.pcm.rate, share)
        if decoded.samples == 0:
            self._ending(reader)
            if source.region.cut and not reader.bad_packets:
                raise MediaError(f"{source.name!r}: there is no audio in this region")
            raise CorruptMedia(f"{source.name!r}: no audio could be decoded in this region")
        return reader, analysis.finish()

    def _ending(self, reader: PcmReader) -> Ending:
        """How the source ends. Raises `TruncatedMedia` for a region that is cut off, unless it is
        to be taken so."""
        source = self.source
        before = float(source.region.zero - source.origin)
        end = source.region.end
        ending = source.told.ending(
            reader.reach,
            before_s=before,
            wanted_s=None if end is None else float(end - source.origin),
        )
        if source.region.cut:
            ending.refuse_behind("start", before)
        ending.refuse_unless(self.partial)
        return ending

    def _clean_up(self, decoded: PcmSpool, chain: CleanUpChain, cleaned: PcmSpool) -> Loudness:
        """Through the filters, into the second spool."""
        self._passes.begin("decode", 0.25)
        run = FilterRun(
            chain.filters, rate=self.pcm.rate, layout=self.pcm.layout, delay=chain.delay
        )

        def filtered() -> Iterator[Block]:
            for block in decoded.blocks():
                yield from run.feed(block)
            yield from run.finish()

        def spooled() -> Iterator[Block]:
            for block in filtered():
                cleaned.write(block)
                yield block

        return self._measure(spooled())

    def _measure(self, blocks: Iterable[Block]) -> Loudness:
        """Loudness of the blocks; the present pass gets on with them."""
        meter, done = LoudnessMeter(self.pcm), 0
        for block in blocks:
            meter.feed(block)
            done += block.shape[1]
            self._passes.at(done / self.pcm.rate)
        return meter.finish()

    def _render(
        self, output: Path, audio: PcmSpool, setting: GainSetting
    ) -> tuple[GainSetting, dict[str, int], Loudness]:
        """Write, measure what was written, correct; the encoder's own peaks are seen only so.

        Returns the setting of the file that stays, the packets copied, and its loudness.
        """
        for count in range(1, _MOST_RENDERS + 1):
            self._passes.begin("encode", 0.2 if count == 1 else 0.06)
            copied = self._write(output, levelled(audio.blocks(), self.pcm, setting))
            self._passes.begin("package", 0.1 if count == 1 else 0.03)
            after = self._measure_file(output)
            if is_reached(setting, after, self.goal) or count == _MOST_RENDERS:
                break
            setting = corrected_setting(setting, after, self.goal)
        length_s = self._passes.length_s
        self.progress("package", fraction=1.0, done_s=length_s, total_s=length_s)
        return setting, copied, after

    def _write(self, output: Path, blocks: Iterable[Block]) -> dict[str, int]:
        if not self.source.clock.begins_anew:
            return self._write_beside(output, blocks, self.source.clock)
        file = Source(Path(self.source.container.name), self.source.name)
        with open_input(file, self.limits) as again:
            return self._write_beside(output, blocks, PacketClock(again))

    def _write_beside(
        self, output: Path, blocks: Iterable[Block], clock: PacketClock
    ) -> dict[str, int]:
        source, container = self.source, clock.container
        video = None if source.video is None else container.streams[source.video.index]
        assert video is None or isinstance(video, av.VideoStream)
        companions = Companions(
            clock=clock,
            name=source.name,
            streams=copied_streams(container, video, self.target),
            region=source.region,
            tags=copied_tags(source.container, source.audio),
            audio_tags=track_tags(source.audio) if self.target.holds_video else {},
        )
        return write_audio(
            output,
            self.target,
            self.pcm,
            blocks,
            bit_rate=self.bit_rate,
            companions=companions,
            progress=self._passes.at,
        )

    def _measure_file(self, output: Path) -> Loudness:
        """Loudness of the file as a player decodes it."""
        with open_input(output, self.limits) as container:
            stream = require_audio(container, output.name)
            region = AudioRegion(seconds(stream.start_time, stream.time_base) or Fraction(0))
            reader = PcmReader(
                PacketClock(container),
                stream,
                self.pcm,
                region,
                name=output.name,
                max_duration_s=self.limits.max_duration_s + 60,
            )
            return self._measure(reader.blocks())
