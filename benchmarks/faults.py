"""What is lost when parts of the cluster are killed while jobs run: nothing, or it says what.

`python -m benchmarks.faults --jobs N --seed S [--store sqlite|redis]` starts `reelyard up` in a
folder of its own, sends N short jobs of four tenants, and kills or stops one part after the other,
as the seed says. Then it holds the clients' logs, the store, the storage and the ledger against the
invariants. Exit code 1: one did not hold.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.fault_run.invariants import violations
from benchmarks.fault_run.run import carry_out, ground
from benchmarks.fault_run.schedule import plan
from benchmarks.fault_run.telling import tell
from benchmarks.harness.report import Report, arguments
from benchmarks.harness.statistics import Spread

QUICK_JOBS, JOBS = 24, 100


def main() -> int:
    """Run it; 1 if an invariant did not hold."""
    options = arguments(
        __doc__,
        jobs={"type": int, "help": f"jobs to send; default {JOBS}"},
        seed={"type": int, "default": 1, "help": "of the schedule"},
        store={"choices": ["sqlite", "redis"], "default": "sqlite"},
    )
    jobs = options.jobs or (QUICK_JOBS if options.quick else JOBS)
    redis = options.store == "redis"
    rounds = plan(jobs, options.seed, store_is_ours=redis)
    report = Report(f"faults-{options.store}-{options.seed}", quick=options.quick)
    report.figure("run", {"jobs": jobs, "seed": options.seed, "store": options.store})
    with (
        tempfile.TemporaryDirectory(prefix="ryf") as folder,
        ground(Path(folder), redis=redis) as on,
    ):
        facts = carry_out(rounds, options.seed, on, lambda line: print(line, flush=True))
    found = violations(facts)
    tell(report, facts, found)
    report.at_most("violations", Spread.of([len(found)]), 0, timed=False, unit="")
    report.finish()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
