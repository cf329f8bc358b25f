"""The last lines of many logs in order of time, and what is new in them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.logs.files import LogFile, LogLimits
from reelyard.cluster.logs.reading import LogLine, LogQuery, actors_of, as_text, read_last, read_new

LIMITS = LogLimits(file_bytes=2000, keep_bytes=1 << 30, keep_s=1e9)
JOB = "01900000-0000-7000-8000-000000000000"


def stamp(second: int) -> str:
    return f"2026-11-28T08:{second // 60:02}:{second % 60:02}.000000Z"


def write(folder: Path, actor: str, second: int, **fields: Any) -> None:
    log = LogFile(folder, actor, LIMITS)
    entry = {"event": "done", "n": second, "process": actor, "timestamp": stamp(second)}
    log.write(json.dumps(entry | fields) + "\n")
    log.close()


def numbers(lines: list[LogLine]) -> list[int]:
    return [json.loads(line.raw)["n"] for line in lines]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for second in range(60):
        write(tmp_path, ("registry", "media-cpu-1", "media-light-1")[second % 3], second)
    return tmp_path


def test_the_last_lines_of_all_actors_come_in_order_of_time(logs: Path) -> None:
    lines, _ = read_last(logs, LogQuery(lines=7))
    assert numbers(lines) == list(range(53, 60))


def test_all_lines_are_all_of_them(logs: Path) -> None:
    assert numbers(read_last(logs, LogQuery(lines=None))[0]) == list(range(60))


def test_none_is_none_and_where_to_go_on_from(logs: Path) -> None:
    lines, positions = read_last(logs, LogQuery(lines=0))
    assert lines == []
    write(logs, "registry", 99)
    assert numbers(read_new(logs, LogQuery(), positions)[0]) == [99]


@pytest.mark.parametrize(
    ("wanted", "rests"),
    [(("registry",), {0}), (("media",), {1, 2}), (("*-1",), {1, 2}), (("media-cpu-1",), {1})],
)
def test_actors_are_chosen_by_name_beginning_or_pattern(
    logs: Path, wanted: tuple[str, ...], rests: set[int]
) -> None:
    lines, _ = read_last(logs, LogQuery(actors=wanted, lines=None))
    assert {n % 3 for n in numbers(lines)} == rests


def test_a_job_is_followed_through_all_logs(logs: Path) -> None:
    write(logs, "registry", 70, job_id=JOB)
    write(logs, "media-cpu-1", 71, job_id=JOB)
    write(logs, "media-cpu-1", 72, job_id=JOB.replace("0", "1"))
    assert numbers(read_last(logs, LogQuery(naming=JOB))[0]) == [70, 71]


def test_what_is_new_is_read_once_though_files_are_put_aside_meanwhile(logs: Path) -> None:
    seen, positions = read_last(logs, LogQuery(lines=None))
    for second in range(60, 120):
        write(logs, "registry", second)
        if second % 7 == 0:
            new, positions = read_new(logs, LogQuery(), positions)
            seen += new
    new, _ = read_new(logs, LogQuery(), positions)
    assert numbers(seen + new) == list(range(120))
    assert len(list(logs.glob("registry.*.log"))) > 1


def test_half_a_line_waits_for_its_end(logs: Path) -> None:
    _, positions = read_last(logs, LogQuery())
    entry = json.dumps({"n": 61, "timestamp": stamp(61)})
    with (logs / "api.log").open("w") as half:
        half.write(entry[:9])
        half.flush()
        assert read_new(logs, LogQuery(), positions)[0] == []
        half.write(entry[9:] + "\n")
    assert numbers(read_new(logs, LogQuery(), positions)[0]) == [61]


def test_without_a_folder_there_is_nothing(tmp_path: Path) -> None:
    assert read_last(tmp_path / "none", LogQuery()) == ([], {})
    assert actors_of(tmp_path / "none") == []


def test_people_get_time_process_event_and_fields() -> None:
    entry = {"event": "job_state", "process": "registry", "state": "running", "level": "info"}
    text = as_text(json.dumps(entry | {"timestamp": stamp(5)}).encode(), colors=False)
    assert text.startswith("2026-11-28 08:00:05.000 registry")
    assert "job_state" in text
    assert "state=running" in text


def test_a_traceback_is_shown_as_one() -> None:
    entry = {"event": "failed", "exception": "Traceback …\n  line 1\nValueError: why"}
    assert "\nValueError: why" in as_text(json.dumps(entry).encode(), colors=False)


@given(st.binary(max_size=60))
def test_whatever_is_in_a_log_can_be_shown(raw: bytes) -> None:
    assert isinstance(as_text(raw, colors=False), str)
