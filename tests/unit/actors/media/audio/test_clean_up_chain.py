"""The clean-up chain: its filters, and what they do to audio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.audio.clean_up_chain import CleanUp, Strength, hum_to_cut, plan_chain
from reelyard.actors.media.audio.filter_graph import AudioFilter, FilterRun
from reelyard.actors.media.audio.measures.analysis import Analysis, Findings
from reelyard.actors.media.audio.measures.hum import Hum, HumLine
from reelyard.actors.media.audio.measures.loudness import Loudness
from reelyard.actors.media.audio.measures.noise import BAND_CENTRES_HZ, NoiseFloor
from reelyard.actors.media.audio.pcm.blocks import Block, PcmFormat, regroup
from tests.unit.actors.media.audio.audio_samples import (
    line_db,
    mains_hum,
    noise,
    rms_db,
    speech,
    tone,
)

STRENGTHS: tuple[Strength, ...] = ("off", "low", "medium", "high", "max")
MONO = PcmFormat(48_000, "mono", 1)
HEARD = Loudness(-23.0, 5.0, -6.0, 10.0, 480_000)
NOISE = NoiseFloor(-50.0, (0.0,) * len(BAND_CENTRES_HZ))


def cleaned(samples: Block, wanted: CleanUp, rate: int = 48_000) -> Block:
    pcm = PcmFormat(rate, "mono", 1)
    analysis = Analysis(pcm)
    for block in regroup([samples], 1):
        analysis.feed(block)
    chain = plan_chain(wanted, analysis.finish(), rate)
    run = FilterRun(chain.filters, rate=rate, layout="mono", delay=chain.delay)
    return np.concatenate([*run.feed(samples), *run.finish()], axis=1)


def test_hum_goes_and_the_voice_beside_it_stays() -> None:
    voice = tone(310, -20, 8)
    audio = voice + mains_hum(50.02, -40, 8) + noise(-70, 8)
    result = cleaned(audio, CleanUp(hum="auto"))
    for number in (1, 2, 3):
        frequency = 50.02 * number
        # The first second is left out: a narrow notch needs it to settle.
        before, after = audio[:, 48_000:], result[:, 48_000:]
        assert line_db(after, frequency, 48_000) < line_db(before, frequency, 48_000) - 20
    assert line_db(result, 310, 48_000) == pytest.approx(line_db(voice, 310, 48_000), abs=0.3)


@pytest.mark.parametrize(("level", "least"), [("low", 5), ("medium", 10), ("high", 15)])
def test_noise_reduction_lowers_pauses_and_keeps_the_voice(level: Strength, least: float) -> None:
    voice = speech(8, level_db=-20)
    audio = voice + noise(-50, 8)
    result = cleaned(audio, CleanUp(noise_reduction=level))
    assert result.shape == audio.shape
    pause = slice(int(2.0 * 48_000), int(2.5 * 48_000))
    assert rms_db(result[:, pause]) < rms_db(audio[:, pause]) - least
    assert rms_db(result) == pytest.approx(rms_db(voice), abs=1.0)
    # Sample by sample in time with the source: the delay of the filter is taken out.
    lag = np.argmax(np.correlate(result[0, 48_000:96_000], voice[0, 50_000:94_000], "valid"))
    assert abs(int(lag) - 2000) <= 1


def test_high_pass_cuts_rumble_and_not_the_voice() -> None:
    wanted = CleanUp(high_pass_hz=80)
    rumble = tone(20, -20, 2)
    assert rms_db(cleaned(rumble, wanted)[:, 24_000:]) < rms_db(rumble) - 20
    voice = tone(400, -20, 2)
    assert rms_db(cleaned(voice, wanted)[:, 24_000:]) == pytest.approx(rms_db(voice), abs=0.2)


def test_each_strength_of_dynamics_narrows_the_range_further() -> None:
    parts = [speech(4, level_db=level) for level in (-32, -18, -32, -18)]
    audio = np.concatenate(parts, axis=1)

    def spread(samples: Block) -> float:
        quarters = np.split(samples, 4, axis=1)
        return abs(rms_db(quarters[1]) - rms_db(quarters[2]))

    spreads = [spread(cleaned(audio, CleanUp(dynamics=level))) for level in STRENGTHS]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[0] - spreads[2] > 2
    assert spreads[0] - spreads[4] > 5


def test_each_strength_of_sibilance_softens_hiss_further_and_leaves_the_voice() -> None:
    hiss = FilterRun([AudioFilter("highpass", "f=5500")], rate=48_000, layout="mono")
    bursts = np.repeat(np.arange(40) % 4 == 0, 4_800).astype(np.float32)
    sharp = np.concatenate([*hiss.feed(noise(-18, 4)), *hiss.finish()], axis=1) * bursts
    audio = tone(300, -20, 4) + sharp
    results = [cleaned(audio, CleanUp(sibilance=level)) for level in STRENGTHS]

    def high(samples: Block) -> float:
        run = FilterRun([AudioFilter("highpass", "f=5000")], rate=48_000, layout="mono")
        return rms_db(np.concatenate([*run.feed(samples), *run.finish()], axis=1))

    levels = [high(result) for result in results]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] - levels[1] > 0.5
    assert levels[0] - levels[4] > 4
    assert line_db(results[4], 300, 48_000) == pytest.approx(
        line_db(results[0], 300, 48_000), abs=0.5
    )


def test_chain_runs_in_its_fixed_order_with_the_gain_undone() -> None:
    hum = Hum(50, 50.0, (HumLine(50.0, -50, 20), HumLine(150.0, -60, 15)))
    wanted = CleanUp(80, "medium", "auto", "low", "high")
    chain = plan_chain(wanted, Findings(HEARD, NOISE, hum), 48_000)
    names = [step.name for step in chain.filters]
    assert names == [
        "volume",
        "highpass",
        *["bandreject"] * 3,
        "afftdn",
        "adynamicequalizer",
        "dynaudnorm",
        "acompressor",
        "volume",
    ]
    assert chain.delay == 1200


def test_chain_for_nothing_wanted_is_empty() -> None:
    assert plan_chain(CleanUp(), Findings(HEARD, NOISE, None), 48_000).filters == ()


def test_chain_for_silence_keeps_only_the_high_pass() -> None:
    silence = Loudness(None, None, None, 10.0, 480_000)
    wanted = CleanUp(80, "max", "auto", "max", "max")
    chain = plan_chain(wanted, Findings(silence, None, None), 48_000)
    assert [step.name for step in chain.filters] == ["highpass"]
    assert chain.delay == 0


def test_told_hum_gets_notches_although_none_was_found() -> None:
    chain = plan_chain(CleanUp(hum="60"), Findings(HEARD, None, None), 48_000)
    notches = [step.args.split(":")[0] for step in chain.filters]
    assert notches == [f"f={60 * k}.00" for k in range(1, 7)]
    assert hum_to_cut("50", Hum(60, 60.0, ())) == Hum(50, 50, ())
    assert hum_to_cut("off", Hum(60, 60.0, ())) is None


def test_noise_that_is_quiet_enough_is_left_alone() -> None:
    quiet = NoiseFloor(-90.0, (0.0,) * 15)
    assert plan_chain(CleanUp(noise_reduction="max"), Findings(HEARD, quiet, None), 48_000) == (
        plan_chain(CleanUp(), Findings(HEARD, quiet, None), 48_000)
    )


loudnesses = st.builds(
    Loudness,
    integrated_lufs=st.none() | st.floats(-69, 3),
    range_lu=st.none(),
    true_peak_dbtp=st.floats(-60, 6),
    duration_s=st.just(5.0),
    samples=st.just(1000),
)
floors = st.none() | st.builds(
    NoiseFloor,
    st.floats(-109, 0),
    st.lists(st.floats(-90, 30), min_size=15, max_size=15).map(tuple),
)
hums = st.none() | st.builds(
    lambda mains, numbers: Hum(mains, mains, tuple(HumLine(mains * n, -50, 20) for n in numbers)),
    st.sampled_from([50, 60]),
    st.sets(st.integers(1, 16), min_size=1),
)


@given(
    st.builds(
        CleanUp,
        high_pass_hz=st.none() | st.floats(20, 500),
        noise_reduction=st.sampled_from(STRENGTHS),
        hum=st.sampled_from(["auto", "50", "60", "off"]),
        sibilance=st.sampled_from(STRENGTHS),
        dynamics=st.sampled_from(STRENGTHS),
    ),
    st.builds(Findings, loudnesses, floors, hums),
    st.sampled_from([8_000, 11_025, 16_000, 44_100, 96_000, 192_000]),
)
def test_every_chain_can_be_built_and_keeps_the_number_of_samples(
    wanted: CleanUp, found: Findings, rate: int
) -> None:
    chain = plan_chain(wanted, found, rate)
    run = FilterRun(chain.filters, rate=rate, layout="stereo", delay=chain.delay)
    samples = noise(-30, 0.05, rate=rate, channels=2)
    result = np.concatenate([*run.feed(samples), *run.finish()], axis=1)
    assert result.shape == samples.shape
    assert np.isfinite(result).all()
