"""The parts of `python -m benchmarks.faults`: schedule, cluster, clients, faults, report."""
