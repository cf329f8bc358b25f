"""Log files are put aside by size, deleted by size and age, and shared by processes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.logs.files import (
    Found,
    LogFile,
    LogLimits,
    actor_of,
    log_files,
    outdated,
    prune,
    ray_session_folder,
)

LIMITS = LogLimits(file_bytes=1000, keep_bytes=5000, keep_s=3600.0)
LINE = "x" * 99 + "\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    found = LogFile(tmp_path / "logs", "media-cpu-1", LIMITS)
    yield found
    found.close()


def text_of(folder: Path) -> str:
    return "".join(found.path.read_text() for found in log_files(folder))


def test_only_its_owner_reads_a_log(log: LogFile) -> None:
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


def test_a_full_file_is_put_aside_under_the_name_of_its_actor(log: LogFile) -> None:
    for number in range(25):
        log.write(f"{number:99}\n")
    files = log_files(log.path.parent)
    assert {actor_of(found.path) for found in files} == {"media-cpu-1"}
    assert [found.path for found in files if found.current] == [log.path]
    assert max(found.size_bytes for found in files) <= LIMITS.file_bytes + 100
    lines = text_of(log.path.parent).split()
    assert sorted(map(int, lines)) == list(range(25))


def test_no_more_is_kept_than_the_limit(log: LogFile) -> None:
    for _ in range(200):
        log.write(LINE)
    kept = sum(found.size_bytes for found in log_files(log.path.parent))
    assert LIMITS.keep_bytes / 2 < kept <= LIMITS.keep_bytes + LIMITS.file_bytes


def test_two_processes_may_write_one_file_and_lose_nothing(log: LogFile) -> None:
    other = LogFile(log.path.parent, "media-cpu-1", LIMITS)
    for number in range(40):
        (log if number % 3 else other).write(f"{number:99}\n")
    other.close()
    lines = text_of(log.path.parent).split()
    assert sorted(map(int, lines)) == list(range(40))


def test_a_file_that_somebody_has_deleted_is_begun_anew(
    log: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelyard.cluster.logs.files.LOOK_S", 0.0)
    log.path.unlink()
    log.write("again\n")
    assert log.path.read_text() == "again\n"


@pytest.mark.parametrize("name", ["media-a/b-1", "../up", ".hidden", "a.b", ""])
def test_the_name_of_a_pool_can_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    log = LogFile(tmp_path, name, LIMITS)
    log.write("here\n")
    log.close()
    assert text_of(tmp_path) == "here\n"


def test_a_link_in_the_place_of_a_log_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    (tmp_path / "api.log").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic links"):
        LogFile(tmp_path, "api", LIMITS)


def test_rays_own_logs_are_apart_and_go_with_age_too(tmp_path: Path) -> None:
    old = ray_session_folder(tmp_path, "session_1", LIMITS)
    (old / "raylet.out").write_text("noise")
    for path in (old / "raylet.out", old):
        os.utime(path, (0, 0))
    new = ray_session_folder(tmp_path, "session_2", LIMITS)
    assert list((tmp_path / "ray").iterdir()) == [new]
    assert log_files(tmp_path) == []


def test_what_is_no_log_stays(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    os.utime(tmp_path / "notes.txt", (0, 0))
    prune(tmp_path, LIMITS)
    assert (tmp_path / "notes.txt").exists()


FILES = st.lists(
    st.builds(
        Found,
        st.just(Path("x.log")),
        st.integers(0, 3000),
        st.floats(0, 10_000),
        st.booleans(),
        st.just(0),
    ),
    max_size=12,
)


@given(FILES)
def test_what_goes_is_too_old_or_the_oldest_of_too_much(files: list[Found]) -> None:
    now = 10_000.0
    gone = outdated(files, LIMITS, now)
    kept = [item for item in files if item not in gone]
    assert all(now - item.changed_s <= LIMITS.keep_s for item in kept)
    aside = [item for item in kept if not item.current]
    current = sum(item.size_bytes for item in kept if item.current)
    if aside:
        assert sum(item.size_bytes for item in aside) + current <= LIMITS.keep_bytes
    for item in gone:
        if now - item.changed_s <= LIMITS.keep_s:
            assert not item.current
