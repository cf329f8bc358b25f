"""One log line for each change of a job's state."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from reelyard.actors.jobs.model import State
from reelyard.actors.registry.state_log import StateLog
from reelyard.cluster.logs.structured import configure_logging
from reelyard.cluster.settings import Settings
from tests.unit.actors.registry.builders import BROKEN, make_job


@pytest.fixture
def structlog_restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("structlog_restored")
def test_one_json_line_is_logged_for_each_change_of_state() -> None:
    out = io.StringIO()
    configure_logging(Settings(log_format="json"), "registry", out)
    job, same = make_job(error=BROKEN), make_job()
    StateLog().write([(job, None, State.QUEUED), (same, State.RUNNING, State.RUNNING)])
    StateLog().write([(job, State.RUNNING, State.FAILED)])
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["job_id"], line["state"], line.get("code")) for line in lines] == [
        (job.id, "queued", None),
        (job.id, "failed", "corrupt_media"),
    ]
    structlog.get_logger().info("other")
    usual = json.loads(out.getvalue().splitlines()[-1])
    assert usual.keys() <= lines[0].keys()


@pytest.mark.usefixtures("structlog_restored")
def test_state_changes_obey_the_log_level() -> None:
    out = io.StringIO()
    configure_logging(Settings(log_format="json", log_level="warning"), "registry", out)
    StateLog().write([(make_job(), None, State.QUEUED)])
    assert out.getvalue() == ""
    assert not structlog.get_logger().is_enabled_for(logging.INFO)


@pytest.mark.usefixtures("structlog_restored")
def test_state_changes_are_readable_on_a_console() -> None:
    out = io.StringIO()
    configure_logging(Settings(log_format="console"), "registry", out)
    job = make_job()
    StateLog().write([(job, None, State.QUEUED)])
    assert job.id in out.getvalue()
