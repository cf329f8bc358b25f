"""What an operator sees in Ray's dashboard, and how they get there."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live_server import LiveServer
from tests.paths import ROOT

PATIENCE_S = 60


@pytest.fixture
def token(yard: LiveServer) -> str:
    return Path(yard.facts["token_file"]).read_text(encoding="utf-8")


def ask(yard: LiveServer, token: str, path: str, holding: str) -> Any:
    """An answer's data, once it holds that text: the dashboard gathers in the background."""
    url = yard.facts["dashboard"] + path
    found = read(url, holding, headers={"Authorization": f"Bearer {token}"})
    return json.loads(found)["data"]


def read(url: str, holding: str, headers: dict[str, str] | None = None) -> str:
    end = time.monotonic() + PATIENCE_S
    while True:
        found = requests.get(url, headers=headers, timeout=20)
        found.raise_for_status()
        if holding in found.text:
            return found.text
        assert time.monotonic() < end, found.text[-2000:]
        time.sleep(0.5)


def test_the_server_tells_where_the_dashboard_is_and_so_does_status(yard: LiveServer) -> None:
    page = requests.get(yard.facts["dashboard"], timeout=20)
    assert page.status_code == 200
    assert "Ray Dashboard" in page.text
    told = yard.cli("status")
    assert told["up"] is True
    assert (told["url"], told["dashboard"]) == (yard.url, yard.facts["dashboard"])
    assert isinstance(told["running"], list)
    for fact in ("ray_address", "ray_env", "logs", "token_file", "prometheus"):
        assert told[fact] == yard.facts[fact]


def test_without_the_token_the_dashboard_tells_nothing(yard: LiveServer) -> None:
    found = requests.get(yard.facts["dashboard"] + "/logical/actors", timeout=20)
    assert found.status_code == 401


def test_actors_are_listed_by_telling_names_and_reprs(yard: LiveServer, token: str) -> None:
    actors = ask(yard, token, "/logical/actors", "media-light-1")["actors"].values()
    told = {actor["name"]: actor["reprName"] for actor in actors}
    assert told["job_registry"] == "JobRegistry(store=sqlite)"
    assert told["pool_manager"].startswith("PoolManager(")
    assert told["media-cpu-1"].startswith("MediaWorker(media-cpu-1, pool=cpu, node=")
    assert told["media-light-1"].startswith("MediaWorker(media-light-1, pool=light, node=")


def test_the_node_is_shown_with_its_load_and_the_work_that_waits(
    yard: LiveServer, token: str
) -> None:
    (node,) = ask(yard, token, "/nodes?view=summary", "raylet")["summary"]
    assert node["raylet"]["state"] == "ALIVE"
    assert ask(yard, token, "/api/cluster_status?format=1", "Pending Demands")


def test_the_metrics_of_the_cluster_are_on_the_port_that_the_dashboard_names(
    yard: LiveServer, token: str
) -> None:
    (node,) = ask(yard, token, "/nodes?view=summary", "metricsExportPort")["summary"]
    url = f"http://127.0.0.1:{node['raylet']['metricsExportPort']}/metrics"
    assert read(url, "ray_reelyard_queue_depth")
    board = (ROOT / "docs" / "grafana.json").read_text()
    for counter in sorted(set(re.findall(r"ray_reelyard_\w+_total", board))):
        assert f"\n{counter}{{" in read(url, f"\n{counter}{{"), "seen before it first rises"


def test_the_targets_for_prometheus_lie_at_a_place_that_stays(yard: LiveServer) -> None:
    path = Path(yard.facts["prometheus"])
    assert path == yard.data_dir / "run" / "ray" / path.name
    (group,) = json.loads(path.read_text())
    assert group["targets"]


def test_rays_own_commands_reach_the_cluster_by_the_script(yard: LiveServer) -> None:
    ray = Path(sys.executable).with_name("ray")
    shell = f'. "{yard.facts["ray_env"]}" && exec "{ray}" status'
    environment = {name: value for name, value in os.environ.items() if "RAY" not in name}
    done = subprocess.run(
        ["/bin/sh", "-c", shell], check=True, env=environment, capture_output=True, text=True
    )
    assert "Total Usage" in done.stdout


def test_the_logs_lie_where_the_server_says_and_the_command_reads_them(yard: LiveServer) -> None:
    folder = Path(yard.facts["logs"])
    assert folder == yard.data_dir / "logs"
    assert {"registry.log", "api.log", "media-cpu-1.log"} <= {p.name for p in folder.iterdir()}
    assert list(folder.glob("ray/session_*/gcs_server.out"))
    reelyard = Path(sys.executable).with_name("reelyard")
    subprocess.run([reelyard, "logs", "--actor", "registry"], check=True, env=yard.env)
    refused = subprocess.run(
        [reelyard, "logs", "--actor", "nobody"], check=False, env=yard.env, capture_output=True
    )
    assert b"media-cpu-1" in refused.stderr
