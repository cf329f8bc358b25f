"""The passes of an enhancement over one file: find out, clean, level, write, measure again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from actors.media.audio.analysis import Analysis
from actors.media.audio.chain import Chain, CleanUp, Findings, plan_chain
from actors.media.audio.formats import Target
from actors.media.audio.graph import FilterRun
from actors.media.audio.level import Goal, Setting, corrected, levelled, reached, search
from actors.media.audio.loudness import Loudness, LoudnessMeter
from actors.media.audio.pcm import PcmFormat, Region, Scratch, StreamReader
from actors.media.audio.render import (
    Companions,
    copied_streams,
    copied_tags,
    write_sound,
)
from actors.media.audio.source import Input
from actors.media.audio.truepeak import Block
from actors.media.codec.decode import require_audio, seconds
from actors.media.codec.source import open_input
from actors.media.operation import Limits, PhaseName, Progress
from cluster.errors import CorruptMedia

_MOST_RENDERS = 4


@dataclass
class Passes:
    """Progress over passes of equal length, of which it is not known before how many there are.

    Each pass gets a fixed share; what is done never goes back.
    """

    progress: Progress
    length_s: float = 0.0
    _done: float = 0.0
    _share: float = 0.0

    def begin(self, phase: PhaseName, share: float) -> None:
        """Start a pass that is worth `share` (0 to 1) of the whole, or what is left of it."""
        self._done = min(0.98, self._done + self._share)
        self._share = min(share, (0.98 - self._done) / 2 if self._done + share > 0.98 else share)
        self.progress(phase)

    def at(self, done_s: float) -> None:
        """How many seconds of the sound the present pass has behind it."""
        part = min(1.0, done_s / self.length_s) if self.length_s > 0 else 0.0
        fraction = self._done + self._share * part
        self.progress(
            fraction=fraction, done_s=fraction * self.length_s, total_s=self.length_s or None
        )


@contextmanager
def removed_on_failure(path: Path) -> Iterator[None]:
    """No half-written file stays behind."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@dataclass
class Outcome:
    """What an enhancement did."""

    before: Findings
    after: Loudness
    chain: Chain
    setting: Setting
    bit_rate: int | None
    copied: dict[str, int]
    """Packets copied, by stream type."""
    samples: int
    """Written, for each channel."""
    rate: int
    bad_packets: int
    gaps_s: float
    renders: int


@dataclass
class Enhancement:
    """One run: everything that the passes share."""

    given: Input
    target: Target
    pcm: PcmFormat
    wanted: CleanUp
    goal: Goal
    bit_rate: int | None
    limits: Limits
    progress: Progress

    def run(self, output: Path) -> Outcome:
        """Write `output`. The scratch file of the cleaned sound lies beside it meanwhile."""
        passes = Passes(self.progress, self.given.length_s)
        scratch_path = output.with_name(f".{output.name}.pcm")
        cleaned_path = output.with_name(f".{output.name}.clean.pcm")
        with (
            Scratch(scratch_path, self.pcm, output.name) as raw,
            Scratch(cleaned_path, self.pcm, output.name) as cleaned,
        ):
            reader, found = self._find_out(raw, passes)
            passes.length_s = raw.samples / self.pcm.rate
            chain = plan_chain(self.wanted, found, self.pcm.rate)
            sound, loudness = raw, found.loudness
            if chain.filters:
                loudness = self._clean(raw, chain, cleaned, passes)
                raw.drop()
                sound = cleaned
            margin = self.target.encoder.peak_margin_db

            def measure(setting: Setting) -> float | None:
                return self._try(sound, setting, passes)

            setting = search(loudness, self.goal, measure, margin_db=margin)
            return self._render(output, sound, setting, passes, reader, found, chain)

    def _find_out(self, raw: Scratch, passes: Passes) -> tuple[StreamReader, Findings]:
        """Decode once, into the scratch file and into the meters."""
        passes.begin("decode", 0.25)
        reader = self._reader()
        analysis = Analysis(self.pcm)
        for block in reader.blocks():
            raw.write(block)
            analysis.feed(block)
            passes.at(raw.samples / self.pcm.rate)
        if raw.samples == 0:
            raise CorruptMedia(f"{self.given.name!r}: no sound could be decoded in this region")
        return reader, analysis.finish()

    def _reader(self) -> StreamReader:
        return StreamReader(
            self.given.container,
            self.given.sound,
            self.pcm,
            self.given.region,
            name=self.given.name,
            max_duration_s=self.limits.max_duration_s,
        )

    def _clean(self, raw: Scratch, chain: Chain, cleaned: Scratch, passes: Passes) -> Loudness:
        """Through the filters, into the second scratch file."""
        passes.begin("decode", 0.25)
        run = FilterRun(
            chain.filters, rate=self.pcm.rate, layout=self.pcm.layout, delay=chain.delay
        )
        meter = self._meter()

        def through() -> Iterator[Block]:
            for block in raw.blocks():
                yield from run.feed(block)
            yield from run.finish()

        for block in through():
            cleaned.write(block)
            meter.feed(block)
            passes.at(cleaned.samples / self.pcm.rate)
        return meter.finish()

    def _try(self, sound: Scratch, setting: Setting, passes: Passes) -> float | None:
        """Loudness of the sound at a setting, without writing it."""
        passes.begin("encode", 0.04)
        meter, done = self._meter(), 0
        for block in levelled(sound.blocks(), self.pcm, setting):
            meter.feed(block)
            done += block.shape[1]
            passes.at(done / self.pcm.rate)
        return meter.finish().integrated_lufs

    def _meter(self) -> LoudnessMeter:
        pcm = self.pcm
        return LoudnessMeter(rate=pcm.rate, layout=pcm.layout, channels=pcm.channels)

    def _render(
        self,
        output: Path,
        sound: Scratch,
        setting: Setting,
        passes: Passes,
        reader: StreamReader,
        found: Findings,
        chain: Chain,
    ) -> Outcome:
        """Write, measure what was written, correct; the encoder's own peaks are seen only so."""
        for count in range(1, _MOST_RENDERS + 1):
            passes.begin("encode", 0.2 if count == 1 else 0.06)
            copied = self._write(output, sound, setting, passes)
            passes.begin("package", 0.1 if count == 1 else 0.03)
            after = self._measure_file(output, passes)
            if reached(setting, after, self.goal) or count == _MOST_RENDERS:
                break
            setting = corrected(setting, after, self.goal)
        self.progress("package", fraction=1.0, done_s=passes.length_s, total_s=passes.length_s)
        return Outcome(
            before=found,
            after=after,
            chain=chain,
            setting=setting,
            bit_rate=self.bit_rate,
            copied=copied,
            samples=sound.samples,
            rate=self.pcm.rate,
            bad_packets=reader.bad_packets,
            gaps_s=reader.gaps_s,
            renders=count,
        )

    def _write(
        self, output: Path, sound: Scratch, setting: Setting, passes: Passes
    ) -> dict[str, int]:
        given = self.given
        film = given.film if self.target.video else None
        companions = Companions(
            container=given.container,
            name=given.name,
            streams=copied_streams(given.container, film, self.target),
            region=given.region,
            tags=copied_tags(given.container, given.sound),
        )
        return write_sound(
            output,
            self.target,
            self.pcm,
            levelled(sound.blocks(), self.pcm, setting),
            bit_rate=self.bit_rate,
            companions=companions,
            progress=passes.at,
        )

    def _measure_file(self, output: Path, passes: Passes) -> Loudness:
        """Loudness of the file as a player decodes it."""
        meter, done = self._meter(), 0
        with open_input(output, self.limits) as container:
            stream = require_audio(container, output.name)
            region = Region(seconds(stream.start_time, stream.time_base) or Fraction(0))
            reader = StreamReader(
                container,
                stream,
                self.pcm,
                region,
                name=output.name,
                max_duration_s=self.limits.max_duration_s + 60,
            )
            for block in reader.blocks():
                meter.feed(block)
                done += block.shape[1]
                passes.at(done / self.pcm.rate)
        return meter.finish()
