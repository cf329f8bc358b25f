"""Metrics outside Ray, and their tags."""

import subprocess
import sys

from reelyard.cluster import metrics
from reelyard.cluster.metrics import Metric

ALL = [value for value in vars(metrics).values() if isinstance(value, Metric)]
LOW_CARDINALITY = {"pool", "part", "operation", "outcome", "code", "reason"}


def test_no_metric_is_tagged_by_job_tenant_or_file() -> None:
    assert ALL
    for metric in ALL:
        assert set(metric.tags) <= LOW_CARDINALITY, metric.name


def test_every_metric_has_a_name_and_a_description_of_its_own() -> None:
    assert len({metric.name for metric in ALL}) == len(ALL)
    assert all(metric.description for metric in ALL)


def test_outside_ray_metrics_do_nothing_and_do_not_import_it() -> None:
    code = (
        "import sys; from reelyard.cluster import metrics as m; "
        "m.TASKS.add(pool='a', operation='b', outcome='c'); m.RUNNING.set(1, pool='a'); "
        "m.TASK_SECONDS.observe(1, pool='a', operation='b'); sys.exit('ray' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
