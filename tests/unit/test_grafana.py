"""The Grafana dashboard asks only for what is exported."""

from __future__ import annotations

import json
import re

import pytest

from reelyard.api.http.middleware import RequestMetrics
from reelyard.cluster import metrics
from reelyard.cluster.metrics import Metric
from tests.paths import ROOT

DASHBOARD = ROOT / "docs" / "grafana.json"
SUFFIXES = {"Gauge": {""}, "Counter": {"_total"}, "Histogram": {"_bucket"}}


def exported() -> dict[str, set[str]]:
    """Series and their labels."""
    found = {
        f"ray_{metric.name}{suffix}": {*metric.tags, *(["le"] if suffix == "_bucket" else [])}
        for metric in vars(metrics).values()
        if isinstance(metric, Metric)
        for suffix in SUFFIXES[metric.kind]
    }
    requests = RequestMetrics()
    requests.note({"type": "http", "method": "GET"}, 200, 0.01)
    for family in requests.registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def queries() -> list[str]:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("query", queries())
def test_each_query_of_the_dashboard_names_series_and_labels_that_are_exported(query: str) -> None:
    series = exported()
    (name,) = re.findall(r"\b(?:ray_)?reelyard_\w+", query)
    assert name in series
    asked = re.findall(r"by \(([^)]*)\)", query) + re.findall(r"(\w+)=~", query)
    labels = {label.strip() for text in asked for label in text.split(",")}
    assert labels <= series[name]


def test_every_metric_of_the_cluster_is_on_the_dashboard() -> None:
    shown = " ".join(queries())
    missing = [
        metric.name
        for metric in vars(metrics).values()
        if isinstance(metric, Metric) and metric.name not in shown
    ]
    assert missing == ["reelyard_finished_per_second"], "the counter of tasks shows that too"
