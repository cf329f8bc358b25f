from __future__ import annotations

import pytest

from benchmarks.fault_run.cluster import fits
from benchmarks.fault_run.injection import FATAL, STOPPED_S, TITLES
from benchmarks.fault_run.schedule import Fault

CODEC = ["/a/python", "-m", "reelyard.actors.worker.codec_process.main", "51"]


@pytest.mark.parametrize(
    ("fault", "name", "command"),
    [
        (Fault.WORKER, "ray::MediaWorke", ["ray::MediaWorker.run"]),
        (Fault.CODEC, "python", CODEC),
        (Fault.REPLICA, "ray::ServeRepli", ["ray::ServeReplica:api:Api"]),
        (Fault.HAPROXY, "haproxy", ["/a/haproxy", "-db", "-f", "/b/haproxy/c.cfg"]),
        (Fault.RAYLET, "raylet", ["/a/raylet/raylet", "--node"]),
        (Fault.GCS, "gcs_server", ["/a/gcs/gcs_server"]),
    ],
)
def test_a_part_is_found_by_its_title(fault: Fault, name: str, command: list[str]) -> None:
    assert fits(TITLES[fault], name, command)


@pytest.mark.parametrize(
    ("fault", "name", "command"),
    [
        (Fault.REPLICA, "ray::ServeRepli", ["ray::ServeReplica:transfer:Transfer"]),
        (Fault.HAPROXY, "ray::HAProxyMan", ["ray::HAProxyManager"]),
        (Fault.RAYLET, "python", ["/a/python", "agent.py", "--raylet-name=/b/raylet"]),
    ],
)
def test_another_part_with_a_similar_title_is_left_alone(
    fault: Fault, name: str, command: list[str]
) -> None:
    assert not fits(TITLES[fault], name, command)


def test_every_fault_has_a_part_that_it_hits_or_hits_all_of_them() -> None:
    assert set(Fault) - TITLES.keys() == {Fault.EVERYTHING, Fault.STORE}
    assert TITLES.keys() >= STOPPED_S.keys() | FATAL
