from __future__ import annotations

from benchmarks.harness.noise import NoiseMeter
from benchmarks.harness.runs import Runs, Sample, extra, in_turns, wall


class SilentMeter(NoiseMeter):
    """Counts how often it would have listened."""

    def listen(self) -> None:
        self.shares.append(0.0)


def test_the_sides_take_turns_and_the_first_runs_do_not_count() -> None:
    order: list[str] = []

    def run(name: str) -> Sample:
        order.append(name)
        return Sample(float(len(order)))

    meter = SilentMeter()
    runs = in_turns({"a": lambda: run("a"), "b": lambda: run("b")}, 3, meter)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert [sample.wall_s for sample in runs.sides["a"]] == [3, 6, 7]
    assert len(meter.shares) == 6


def test_a_ratio_is_taken_round_by_round() -> None:
    # A machine that is ten times slower in the second round.
    runs = Runs(
        {"ours": [Sample(1.0), Sample(10.0)], "theirs": [Sample(2.0), Sample(20.0)]},
    )
    assert runs.ratio("ours", "theirs", wall).values == (0.5, 0.5)
    assert runs.spread("ours", wall).values == (1, 10)


def test_a_side_may_give_figures_of_its_own() -> None:
    runs = Runs({"ours": [Sample(1.0, extra={"rate": 7.0})]})
    assert runs.spread("ours", extra("rate")).median == 7
