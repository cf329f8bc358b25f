"""What an operator sees in Ray's dashboard, and how they get there."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live_server import LiveServer

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
