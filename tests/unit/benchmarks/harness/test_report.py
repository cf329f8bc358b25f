from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.harness import report as reports
from benchmarks.harness.noise import NoiseMeter
from benchmarks.harness.report import Report
from benchmarks.harness.statistics import Spread


@pytest.mark.parametrize(("share", "verdict"), [(0.01, "met"), (0.5, "noisy")])
def test_a_report_keeps_figures_spreads_and_verdicts(
    share: float,
    verdict: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(reports, "RESULTS", tmp_path)
    report = Report("trial", quick=True)
    report.meter = NoiseMeter([share])
    report.figure("jobs/s", {"ours": Spread.of([3.0, 1.0])})
    report.at_least("ours / theirs", Spread.of([3.0, 3.5]), 2.0)
    told = json.loads(report.finish().read_text())
    spread = {"median": 2.0, "low": 1.0, "high": 3.0, "runs": 2}
    assert told["figures"] == {"jobs/s": {"ours": spread}}
    assert told["targets"][0]["verdict"] == verdict
    assert told["targets"][0]["wanted"] == ">= 2"
    assert told["noise"]["noisy"] is (verdict == "noisy")
    assert "3.25 (3.00 - 3.50) x" in capsys.readouterr().out
