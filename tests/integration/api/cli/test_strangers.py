"""Another user of the machine on which a server runs gets nowhere."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.live_server import LiveServer
from tests.strangers import STRANGER, sockets_of, successes, tree

SHARED_MEMORY = "/dev/shm"
REELYARD = str(Path(sys.executable).with_name("reelyard"))


@pytest.fixture(scope="module")
def family(yard: LiveServer) -> list[psutil.Process]:
    """The server and all its processes."""
    server = psutil.Process(int((yard.data_dir / ".owner.lock").read_text()))
    return [server, *server.children(recursive=True)]


@pytest.fixture(scope="module")
def own(yard: LiveServer, clips: Path) -> list[Path]:
    """Every file, folder and socket of the server, an output of a job among them."""
    yard.cli("run", "preview", str(clips / "clip.mp4"), "-p", "preview_type=thumbnail")
    return tree(yard.data_dir)


def test_they_can_do_nothing_to_any_file_folder_or_socket(
    yard: LiveServer, own: list[Path]
) -> None:
    names = {path.name for path in own}
    assert {"jobs.db", "jobs.db-wal", "ray.token", "ray.env", "cluster.json", "haproxy"} <= names
    assert {"haproxy.cfg", "plasma_store", "raylet", "registry.log", "raylet.out"} <= names
    assert any(path.suffix == ".jpg" and path.is_relative_to(yard.data_dir) for path in own)
    run = (yard.data_dir / "run").resolve()
    # That it is there, everybody may see; the temporary folder is everybody's.
    assert {deed for _, deed in successes([run])} <= {"stat"}
    assert successes([*own, *tree(run)[1:]]) == []


def test_only_the_owner_can_connect_to_the_sockets(own: list[Path]) -> None:
    sockets = sockets_of(own)
    assert {"s", "raylet", "plasma_store"} <= {path.name for path in sockets}
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in sockets} == {0}


def test_memory_and_open_files_of_the_processes_are_closed_to_them(
    family: list[psutil.Process],
) -> None:
    (raylet,) = [process for process in family if process.name() == "raylet"]
    opened = Path(f"/proc/{raylet.pid}/fd").iterdir()
    segments = [path for path in opened if str(path.readlink()).startswith(SHARED_MEMORY)]
    assert segments, "the object store lies there"
    secrets = [Path(f"/proc/{p.pid}/{name}") for p in family for name in ("environ", "mem", "fd")]
    assert {s.deed for s in successes([*segments, *secrets])} <= {"stat"}
    # Other programs of this user may have put something there before.
    began = family[0].create_time()
    new = [path for path in Path(SHARED_MEMORY).iterdir() if path.stat().st_ctime > began]
    left = [path for path in new if path.stat().st_mode & 0o077]
    assert [path for path in left if path.owner() == raylet.username()] == []


def test_no_command_line_tells_a_secret(yard: LiveServer, family: list[psutil.Process]) -> None:
    token = (yard.data_dir / "ray.token").read_text()
    told = [p.cmdline() for p in family if p.is_running() and token in " ".join(p.cmdline())]
    assert told == []


def test_a_start_on_a_folder_that_strangers_can_write_is_refused_in_one_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o777)
    done = up(tmp_path / "data")
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1
    assert "(unsafe_folder)" in done.stderr
    assert "chmod o-w" in done.stderr
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("planted", ["run", "cluster.json", "jobs.db", "logs"])
def test_a_start_on_a_folder_in_which_strangers_own_something_is_refused(
    tmp_path: Path, planted: str
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / planted).touch()
    os.chown(tmp_path / "data" / planted, STRANGER, STRANGER)
    done = up(tmp_path / "data")
    assert done.returncode == 5
    assert f"{planted} belongs to uid {STRANGER}" in done.stderr


def up(data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REELYARD, "up", "--port", "0"],
        check=False,
        env=os.environ | {"REELYARD_DATA_DIR": str(data_dir), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        timeout=60,
    )
