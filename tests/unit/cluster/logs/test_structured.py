"""Log lines: what the context holds is on them, no secret in them."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import assume, given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from reelyard.actors.jobs.model import State
from reelyard.actors.registry.state_log import StateLog
from reelyard.cluster.logs.structured import configure_logging, hide_secrets
from reelyard.cluster.settings import Settings
from reelyard.cluster.url_secrets import HIDDEN
from tests.unit.actors.registry.builders import make_job

KEY = "ry_" + "a1B2-_" * 7


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging(Settings(log_format="json"), "worker", stream)
    yield stream
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_lines_inside_a_context_carry_what_it_holds(out: io.StringIO) -> None:
    with bound_contextvars(job_id="job-1", task="transcode", fence=2):
        structlog.get_logger().info("started", speed=2.5)
    structlog.get_logger().info("idle")
    first, second = lines(out)
    assert (first["job_id"], first["task"], first["fence"]) == ("job-1", "transcode", 2)
    assert (first["event"], first["speed"], first["process"]) == ("started", 2.5, "worker")
    assert "job_id" not in second


def test_lines_below_the_level_are_not_written(out: io.StringIO) -> None:
    structlog.get_logger().debug("noise")
    assert out.getvalue() == ""


def test_an_exception_is_logged_with_its_traceback(out: io.StringIO) -> None:
    try:
        raise ValueError("what went wrong")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "what went wrong" in lines(out)[0]["exception"]


def test_a_terminal_gets_text() -> None:
    stream = io.StringIO()
    configure_logging(Settings(log_format="console"), "cli", stream)
    structlog.get_logger().info("hello")
    structlog.reset_defaults()
    assert "hello" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "abc"),
        ("token", "abc"),
        ("Authorization", "Bearer abc"),
        ("signing_secret", "abc"),
        ("options", {"password": "abc"}),
        ("text", f"the key {KEY} was used"),
        ("url", "https://bucket.test/clip.mp4?X-Amz-Signature=abc"),
        ("url", "https://user:abc@host.test/clip.mp4"),
        ("url", "https://user:x@abc@host.test/clip.mp4"),
        ("url", "https://user:x/abc@host.test/clip.mp4"),
        ("url", "https://user:x abc@host.test/clip.mp4"),
        ("list", ["s3://bucket/x?token=abc#abc"]),
    ],
)
def test_secrets_do_not_reach_the_log(out: io.StringIO, name: str, value: Any) -> None:
    structlog.get_logger().info("event", **{name: value})
    text = out.getvalue()
    assert "abc" not in text
    assert KEY not in text
    assert HIDDEN in text


def test_a_plain_url_stays_readable(out: io.StringIO) -> None:
    structlog.get_logger().info("fetch", url="https://host.test/a/clip.mp4")
    assert lines(out)[0]["url"] == "https://host.test/a/clip.mp4"


@given(st.text(max_size=30), st.text(alphabet="abcdef0123456789", min_size=20, max_size=40))
def test_no_query_of_a_url_survives(before: str, secret: str) -> None:
    assume(secret not in before)
    event = {"event": f"{before} https://h.test/p?sig={secret} and more"}
    assert secret not in json.dumps(hide_secrets(None, "info", dict(event)))


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_log_that_can_not_be_written_stops_nobody(log_format: str) -> None:
    job = make_job(state=State.RUNNING)
    went_on = False
    # Closing it writes what is left, and fails.
    with suppress(OSError), Path("/dev/full").open("w", buffering=1) as full:
        configure_logging(Settings(log_format=log_format), "test", full)
        structlog.get_logger().error("no_room", why="x" * 100_000)
        StateLog().write([(job, State.QUEUED, State.RUNNING)])
        went_on = True
    structlog.reset_defaults()
    assert went_on


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Of a cluster in a folder of its own; afterwards the process logs as it did."""
    before = list(logging.getLogger().handlers)
    yield Settings(data_dir=tmp_path)
    logging.getLogger().handlers[:] = before
    structlog.reset_defaults()


def test_an_actor_logs_to_a_file_of_its_name(settings: Settings) -> None:
    configure_logging(settings, "media-cpu-1")
    structlog.get_logger().info("started")
    line = json.loads((settings.data / "logs" / "media-cpu-1.log").read_text())
    assert (line["process"], line["event"]) == ("media-cpu-1", "started")


def test_what_libraries_warn_of_is_in_the_same_file(settings: Settings) -> None:
    for _ in range(2):
        configure_logging(settings, "api")
    logging.getLogger("some.library").info("chatter")
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("some.library").exception("it broke: %s", "badly")
    (line,) = (settings.data / "logs" / "api.log").read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["logger"]) == ("it broke: badly", "some.library")
    assert "ValueError: why" in told["exception"]


def test_where_no_file_can_be_made_lines_go_to_standard_error(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings.data / "logs").touch()
    configure_logging(settings, "registry")
    structlog.get_logger().info("started")
    assert "no log file for registry" in (said := capsys.readouterr().err)
    assert '"event": "started"' in said


def test_a_folder_for_logs_may_be_chosen(settings: Settings, tmp_path: Path) -> None:
    chosen = settings.model_copy(update={"log_dir": tmp_path / "elsewhere"})
    configure_logging(chosen, "registry")
    structlog.get_logger().info("started")
    assert (tmp_path / "elsewhere" / "registry.log").exists()
