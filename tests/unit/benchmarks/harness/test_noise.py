from __future__ import annotations

from benchmarks.harness.noise import Noise, NoiseMeter, share_missed, share_of_others
from benchmarks.harness.statistics import Spread


def test_time_without_cpu_is_what_others_had() -> None:
    assert share_missed([(1.0, 1.0), (1.0, 0.5)]) == 0.25
    assert share_missed([(1.0, 1.01)]) == 0.0


def test_a_share_is_a_part_of_the_whole() -> None:
    assert 0.0 <= share_of_others(2) < 1.0


def test_a_machine_is_noisy_if_others_had_much_of_it() -> None:
    assert not Noise(Spread.of([0.02, 0.03, 0.05])).noisy
    assert Noise(Spread.of([0.2, 0.3, 0.05])).noisy


def test_a_moment_does_not_make_a_machine_noisy() -> None:
    assert not Noise(Spread.of([0.02, 0.9, 0.03])).noisy


def test_noise_is_told_with_its_consequence() -> None:
    assert "neither a hit nor a miss" in Noise(Spread.of([0.5])).text
    assert Noise(Spread.of([0.01, 0.03])).text == "other work took 2% of the CPU (1% - 3%)"


def test_each_listening_is_a_sample() -> None:
    meter = NoiseMeter()
    meter.listen()
    meter.listen()
    assert meter.noise().share.runs == 2
