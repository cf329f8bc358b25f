"""What a run tells: violations by invariant, how each fault was taken; on screen and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.fault_run.facts import Answer, Facts, FaultSeen
from benchmarks.fault_run.invariants import INVARIANTS, Violation
from benchmarks.fault_run.measures import Times, noticed_s, outage_s, ran_twice, slowest_s
from benchmarks.fault_run.schedule import Fault
from benchmarks.harness.report import Report
from benchmarks.harness.statistics import Spread

OUTAGE_BARS_S = {
    Fault.HAPROXY: 2.0,
    Fault.REPLICA: 2.0,
    Fault.CONTROLLER: 2.0,
    Fault.POOL_MANAGER: 2.0,
    Fault.REGISTRY: 5.0,
}
"""The most that HTTP may be away."""
NOTICE_BARS_S = {Fault.WORKER: 10.0}
"""The longest that it may go unnoticed."""
RECOVERY_BARS_S = {Fault.GCS: 60.0, Fault.RAYLET: 60.0, Fault.EVERYTHING: 60.0}
"""The longest until a job succeeds again."""
MOST_SHOWN = 40
"""Violations that are told one by one."""


def tell(report: Report, facts: Facts, found: Sequence[Violation]) -> None:
    """Tables on screen, the same as figures."""
    _tell_violations(report, found)
    _tell_jobs(report, facts)
    _tell_faults(report, facts)
    _tell_answers(report, facts.answers)


def _tell_violations(report: Report, found: Sequence[Violation]) -> None:
    counts = Counter(violation.invariant for violation in found)
    rows = [(name, counts[name]) for name in INVARIANTS]
    report.table("Violations by invariant", ("invariant", "violations"), rows)
    report.figure("violations", {name: counts[name] for name in INVARIANTS})
    shown = [(v.invariant, v.job_id or "-", v.what) for v in found[:MOST_SHOWN]]
    if shown:
        report.table("The first of them", ("invariant", "job", "what"), shown)
    report.figure("violations_told", [asdict(violation) for violation in found])


def _tell_jobs(report: Report, facts: Facts) -> None:
    accepted = [client for client in facts.clients if client.ids]
    lost = sum(client.ids[0] not in facts.jobs for client in accepted)
    ends = Counter(str(job.state) for job in facts.jobs.values())
    figures = {
        "accepted": len(accepted),
        "lost": lost,
        "run twice": ran_twice(facts),
        "sent again with the same key": sum(len(client.ids) > 1 for client in accepted),
        **{name: ends[name] for name in sorted(ends)},
        "with a price": sum(job.credits > 0 for job in facts.jobs.values()),
        "stored objects": len(facts.objects),
        "entries in the ledger": len(facts.ledger),
    }
    report.table("Jobs", ("what", "number"), list(figures.items()))
    report.figure("jobs", figures)


def _tell_faults(report: Report, facts: Facts) -> None:
    by_fault: dict[Fault, list[FaultSeen]] = defaultdict(list)
    for seen in facts.faults:
        by_fault[seen.fault].append(seen)
    rows = []
    figures: dict[str, dict[str, Any]] = {}
    for fault, all_seen in by_fault.items():
        outages = [outage_s(seen, facts.answers) for seen in all_seen]
        noticed = _known(noticed_s(seen, facts.jobs.values()) for seen in all_seen)
        recovered = _known(seen.recovered_s for seen in all_seen)
        _hold(report, f"HTTP outage: {fault}", outages, OUTAGE_BARS_S.get(fault))
        _hold(report, f"noticed: {fault}", noticed, NOTICE_BARS_S.get(fault))
        _hold(report, f"recovered: {fault}", recovered, RECOVERY_BARS_S.get(fault))
        slowest = [slowest_s(seen, facts.answers) for seen in all_seen]
        times = [Times.of(values) for values in (outages, slowest, noticed, recovered)]
        names = ("outage_s", "slowest_answer_s", "noticed_s", "recovered_s")
        figures[fault.value] = {"times": len(all_seen)} | {
            name: one and asdict(one) for name, one in zip(names, times, strict=True)
        }
        rows.append((fault.value, len(all_seen), *map(_text, times)))
    title = "Faults, seconds: p50 / p95 / max"
    report.table(
        title, ("fault", "times", "HTTP outage", "slowest answer", "noticed", "recovered"), rows
    )
    report.figure("faults", figures)


def _hold(report: Report, name: str, values: Sequence[float], bar_s: float | None) -> None:
    """Hold the values against a bar, if there are both."""
    if values and bar_s is not None:
        report.at_most(name, Spread.of(values), bar_s, unit="s")


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _text(times: Times | None) -> str:
    return f"{times.p50:.1f} / {times.p95:.1f} / {times.most:.1f}" if times else "-"


def _tell_answers(report: Report, answers: Sequence[Answer]) -> None:
    names = {0: "connection closed", -1: "no answer"}
    counts = Counter(names.get(answer.status, str(answer.status)) for answer in answers)
    report.table("Answers", ("status", "requests"), sorted(counts.items()))
    report.figure("answers", dict(counts))
