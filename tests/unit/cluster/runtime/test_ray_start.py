"""The agents' ports are chosen before the raylet starts, so that it need not wait for them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray import _raylet
from ray._private.parameter import RayParams

from reelyard.cluster.errors import StartFailed
from reelyard.cluster.runtime import ray_start

raylet: Any = _raylet
NODE_ID = "7b" * 28


def test_the_raylet_is_told_every_port_of_its_agents(tmp_path: Path) -> None:
    params = RayParams()
    node = SimpleNamespace(_ray_params=params, _session_dir=str(tmp_path), _node_id=NODE_ID)
    ray_start._choose_agent_ports(node)
    ports = [getattr(params, name) for name in ray_start.AGENT_PORTS]
    assert len({port for port in ports if port > 0}) == len(ray_start.AGENT_PORTS)
    # What the raylet itself waits for: at once, or not at all.
    name = raylet.DASHBOARD_AGENT_LISTEN_PORT_NAME
    found = raylet.wait_for_persisted_port(str(tmp_path), NODE_ID, name, 0)
    assert found == params.dashboard_agent_listen_port


def test_a_port_that_was_chosen_already_stays(tmp_path: Path) -> None:
    params = RayParams(metrics_export_port=12345)
    node = SimpleNamespace(_ray_params=params, _session_dir=str(tmp_path), _node_id=NODE_ID)
    ray_start._choose_agent_ports(node)
    assert params.metrics_export_port == 12345


def test_what_ray_gives_up_is_tried_again_and_then_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tries = []

    def init(**options: object) -> None:
        tries.append(options)
        raise Exception("The current node timed out\nduring startup.")  # noqa: TRY002  as Ray's

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(StartFailed, match="in 3 tries: during startup"):
        ray_start.start_ray({"num_cpus": 1}, lambda _: tmp_path)
    assert len(tries) == 3
