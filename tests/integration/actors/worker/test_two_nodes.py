"""Workers on two nodes: placed by resources and labels, and working on when one node dies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.integration.actors.worker.two_nodes_report import TwoNodesReport, statuses
from tests.paths import ROOT

PROGRAM = "tests.integration.actors.worker.two_nodes_program"

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def seen() -> Iterator[TwoNodesReport]:
    home = Path(tempfile.mkdtemp(prefix="ry2-"))
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAY_", "REELYARD_"))
    }
    data, report = str(home / "data"), home / "report.json"
    program = subprocess.run(
        [sys.executable, "-m", PROGRAM, data, str(report)],
        cwd=ROOT,
        env=environment | {"RAY_TMPDIR": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        assert program.returncode == 0, program.stderr[-4000:]
        yield msgspec.json.decode(report.read_bytes(), type=TwoNodesReport)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_label_decides_on_which_node_a_worker_runs(seen: TwoNodesReport) -> None:
    (light,) = statuses(seen.workers, "light")
    assert light.node_id == seen.nodes["a"]


def test_cpus_decide_how_workers_spread_over_nodes(seen: TwoNodesReport) -> None:
    nodes = {worker.node_id for worker in statuses(seen.workers, "cpu")}
    assert nodes == set(seen.nodes.values())


def test_gpu_workers_start_where_ray_reports_gpus(seen: TwoNodesReport) -> None:
    nodes = {worker.node_id for worker in statuses(seen.gpu_workers)}
    assert nodes == {seen.nodes["b"]}


def test_each_gpu_worker_sees_its_own_device_only(seen: TwoNodesReport) -> None:
    devices = sorted(worker.cuda_devices or "" for worker in statuses(seen.gpu_workers))
    assert devices == ["0", "1"]
    assert seen.gpu_env["CUDA_VISIBLE_DEVICES"] in {"0", "1"}


def test_cpu_workers_see_no_device(seen: TwoNodesReport) -> None:
    rest = statuses(seen.workers, "cpu") + statuses(seen.workers, "light")
    assert {worker.cuda_devices for worker in rest} == {""}
    assert seen.cpu_env["CUDA_VISIBLE_DEVICES"] == ""


def test_a_declared_gpu_that_is_none_has_no_capabilities(seen: TwoNodesReport) -> None:
    assert [worker.capabilities for worker in statuses(seen.gpu_workers)] == [[], []]


def test_gpu_jobs_run_on_gpu_workers(seen: TwoNodesReport) -> None:
    for job in seen.gpu_jobs:
        assert job.state == "succeeded"
        assert job.note is None
        assert job.workers[0].startswith("media-gpu-")


def test_work_goes_on_when_a_node_is_killed(seen: TwoNodesReport) -> None:
    assert [job.state for job in seen.survivors] == ["succeeded", "succeeded"]
    outcomes = [outcome for job in seen.survivors for outcome in job.outcomes]
    assert outcomes.count("lost") == 1, outcomes


def test_only_workers_of_the_living_node_are_left(seen: TwoNodesReport) -> None:
    assert {worker.node_id for worker in statuses(seen.after)} == {seen.nodes["a"]}


def test_without_gpus_a_gpu_job_runs_on_a_cpu_worker_and_says_so(seen: TwoNodesReport) -> None:
    job = seen.gpu_job_without_gpu
    assert job.state == "succeeded"
    assert job.workers[0].startswith("media-cpu-")
    assert job.note == "no gpu worker: ran on cpu"
