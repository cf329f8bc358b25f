"""The `reelyard` command, as an operator types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
import requests

from tests.live_server import LiveServer

REELYARD = str(Path(sys.executable).with_name("reelyard"))

type Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="package")
def reelyard(yard: LiveServer) -> Command:
    """Run a command against the server of this session."""

    def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
        words = [REELYARD, *map(str, args)]
        return subprocess.run(
            words, check=False, env=yard.env, capture_output=True, text=True, timeout=90
        )

    return run


def read(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_run_writes_the_output_where_it_was_asked_for(
    reelyard: Command, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "small.webm"
    done = reelyard("run", "transcode", clips / "clip.mp4", "-o", out, "-p", "height=90")
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout
    with av.open(out) as container:
        video = container.streams.video[0]
        assert (container.format.name, video.height) == ("matroska,webm", 90)
    assert list(tmp_path.iterdir()) == [out]


def test_several_inputs_make_one_job_each_into_a_folder(
    reelyard: Command, clips: Path, tmp_path: Path
) -> None:
    both = [clips / "clip.mp4", clips / "long.mp4"]
    args = ["-p", "preview_type=thumbnail", "-o", f"{tmp_path}/thumbs/", "--json"]
    jobs = read(reelyard("run", "preview", *both, *args))["jobs"]
    assert [job["state"] for job in jobs] == ["succeeded", "succeeded"]
    assert {path.name for path in (tmp_path / "thumbs").iterdir()} == {"clip.jpg", "long.jpg"}


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["run", "sketch", "{clip}"], 2, "unknown_operation"),
        (["run", "transcode", "{clip}", "-p", "height=-1"], 2, "height"),
        (["run", "transcode", "{clip}", "-p", "colour=red"], 2, "colour"),
        (["run", "transcode", "{clip}", "-o", "x.docx"], 2, "format"),
        (["run", "probe", "{folder}/none.mp4"], 6, "none.mp4"),
        (["run", "probe", "{folder}"], 2, "folder"),
        (["run", "probe", "{folder}/broken.mp4"], 1, "broken.mp4"),
        (["run", "enhance", "{folder}/photo.jpg"], 1, "no_such_stream"),
        (["run", "probe", "{clip}", "-o", "/proc/nowhere/x.json"], 1, "output_unwritable"),
        (["run", "transcode", "{clip}", "-o", "{clip}"], 2, "overwritten"),
        (["run", "preview", "{clip}", "{clip}", "-o", "x/", "-p", "preview_type=gif"], 2, "same"),
        (["run", "probe", "{clip}", "--pool", "attic"], 2, "cpu, gpu, light"),
        (["run", "probe", "{clip}", "--priority", "101"], 2, "100"),
        (["run", "probe", "{clip}", "{clip}", "--join"], 2, "1 input(s)"),
        (["run", "probe", "job:01900000-0000-7000-8000-000000000000"], 6, "not_found"),
        (["keys", "revoke", "a/b"], 6, "a/b"),
        (["show", "01900000-0000-7000-8000-000000000000"], 6, "not_found"),
        (["jobs", "--state", "sleeping"], 2, "sleeping"),
        (["cancel", "nonsense"], 6, "nonsense"),
    ],
)
def test_what_can_not_work_is_named_with_an_exit_code_that_says_so(
    reelyard: Command, clips: Path, words: list[str], code: int, named: str
) -> None:
    given = [word.format(clip=clips / "clip.mp4", folder=clips) for word in words]
    done = reelyard(*given)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == code, said
    assert named in said
    assert "Traceback" not in said


def test_a_job_is_listed_shown_and_waited_for(reelyard: Command, clips: Path) -> None:
    (job,) = read(reelyard("run", "probe", clips / "clip.mp4", "--detach", "--json"))["jobs"]
    (ended,) = read(reelyard("wait", job["job_id"], "--json"))["jobs"]
    assert ended["result_data"]["frames"] > 0
    listed = read(reelyard("jobs", "--operation", "probe", "--state", "succeeded", "--json"))
    assert job["job_id"] in [item["job_id"] for item in listed["jobs"]]
    assert read(reelyard("show", job["job_id"], "--json"))["state"] == "succeeded"
    assert job["job_id"] in reelyard("show", job["job_id"]).stdout
    assert job["job_id"] in reelyard("jobs").stdout


def test_live_views_show_once_where_there_is_no_terminal(reelyard: Command, clips: Path) -> None:
    (job,) = read(reelyard("run", "probe", clips / "clip.mp4", "--json"))["jobs"]
    assert job["job_id"] in reelyard("jobs", "--watch").stdout
    assert "light" in reelyard("top").stdout


def test_a_long_link_is_a_line_of_its_own(reelyard: Command, clips: Path) -> None:
    done = reelyard("run", "preview", clips / "clip.mp4", "-p", "preview_type=thumbnail")
    name, _, url = done.stdout.splitlines()[-1].partition(": ")
    assert name == "clip.jpg"
    assert requests.get(url, timeout=10).content[:2] == b"\xff\xd8"


def test_a_server_elsewhere_gets_files_sent_and_its_outputs_are_fetched(
    yard: LiveServer, clips: Path, tmp_path: Path
) -> None:
    env = yard.env | {"REELYARD_URL": yard.url, "REELYARD_DATA_DIR": str(tmp_path)}
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(source := (clips / "clip.mp4").read_bytes())

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        words = (REELYARD, "run", *words, "--json")
        return subprocess.run(
            words, check=False, env=env, capture_output=True, text=True, timeout=90
        )

    (job,) = read(run("probe", str(clip), "-o", f"{tmp_path}/facts.json"))["jobs"]
    assert job["source_url"].startswith("upload:")
    assert json.loads((tmp_path / "facts.json").read_text()) == job["result_data"]
    read(run("transcode", str(clip), "-o", f"{tmp_path}/small.webm", "-p", "height=90"))
    with av.open(tmp_path / "small.webm") as container:
        assert container.format.name == "matroska,webm"
    read(run("preview", str(clip), "-o", f"{tmp_path}/new/", "-p", "preview_type=thumbnail"))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["clip.jpg"]
    kept = run("transcode", str(clip), "-o", f"{tmp_path}/", "-p", "height=90")
    assert "is the input" in kept.stdout
    assert clip.read_bytes() == source


@pytest.mark.parametrize(
    ("setting", "code", "named"),
    [
        ({"REELYARD_URL": "http://127.0.0.1:1"}, 4, "127.0.0.1:1"),
        ({"REELYARD_URL": "yard:8000"}, 2, "yard:8000"),
        ({"REELYARD_PORT": "http"}, 2, "REELYARD_PORT"),
    ],
)
def test_what_can_not_be_reached_or_read_is_told_in_one_json_document(
    tmp_path: Path, setting: dict[str, str], code: int, named: str
) -> None:
    env = os.environ | {"REELYARD_DATA_DIR": str(tmp_path)} | setting
    words = [REELYARD, "jobs", "--json"]
    done = subprocess.run(words, check=False, env=env, capture_output=True, text=True, timeout=90)
    assert done.returncode == code
    assert named in json.loads(done.stdout)["error"]["message"]


def test_ctrl_c_cancels_the_job_and_says_so(
    yard: LiveServer, reelyard: Command, clips: Path, tmp_path: Path
) -> None:
    slow = ["-p", "codec=h265", "-p", "preset=veryslow", "-o", str(tmp_path / "x.mp4")]
    process = subprocess.Popen(
        [REELYARD, "run", "transcode", str(clips / "long.mp4"), *slow],
        env=yard.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 60
        while not (running := read(reelyard("jobs", "--state", "running", "--json"))["jobs"]):
            assert time.monotonic() < end
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "cancelled 1 of 1 job(s)" in said
    assert read(reelyard("show", running[0]["job_id"], "--json"))["state"] == "cancelled"
    assert not list(tmp_path.iterdir())


def test_cancel_and_retry_tell_what_can_not_be_done(reelyard: Command, clips: Path) -> None:
    (job,) = read(reelyard("run", "probe", clips / "clip.mp4", "--json"))["jobs"]
    for verb in ("cancel", "retry"):
        done = reelyard(verb, job["job_id"], "--json")
        assert done.returncode == 5
        assert json.loads(done.stdout)["refused"][job["job_id"]]["code"] in (
            "already_finished",
            "conflict",
        )


def test_a_failed_job_may_be_retried_under_its_id(reelyard: Command, clips: Path) -> None:
    failed = reelyard("run", "probe", clips / "broken.mp4", "--json")
    (job,) = json.loads(failed.stdout)["jobs"]
    (again,) = read(reelyard("retry", job["job_id"], "--json"))["jobs"]
    assert again["job_id"] == job["job_id"]
    assert reelyard("wait", job["job_id"], "--json").returncode == 1
    shown = read(reelyard("show", job["job_id"], "--json"))
    assert [attempt["attempt"] for attempt in shown["tasks"][0]["attempts"]] == [1, 2]


def test_status_and_top_show_the_pools(reelyard: Command, yard: LiveServer) -> None:
    assert read(reelyard("status", "--json"))["url"] == yard.url
    assert "cpu" in reelyard("status").stdout
    names = {pool["name"] for pool in read(reelyard("top", "--json"))["pools"]}
    assert {"cpu", "light", "gpu"} <= names
    assert "backlog" in reelyard("top", "--once").stdout


def test_operations_show_bounds_units_and_defaults(reelyard: Command) -> None:
    names = {op["name"] for op in read(reelyard("operations", "--json"))["operations"]}
    assert {"probe", "transcode", "image", "preview", "optimize", "enhance", "export"} <= names
    shown = " ".join(reelyard("operations", "preview").stdout.split())
    assert "gif | thumbnail | mosaic | clip" in shown or "gif | thumbnail | mosaic" in shown
    assert "480" in shown


def test_config_shows_where_a_setting_comes_from(reelyard: Command, yard: LiveServer) -> None:
    assert read(reelyard("config", "--json"))["data_dir"] == str(yard.data_dir)
    assert "REELYARD_DATA_DIR" in reelyard("config").stdout


def test_a_second_server_on_the_same_data_is_refused(reelyard: Command, yard: LiveServer) -> None:
    done = reelyard("up", "--port", "0")
    assert done.returncode == 5
    assert yard.url in " ".join(done.stderr.split())


def test_a_bind_that_strangers_reach_needs_a_key(tmp_path: Path) -> None:
    done = subprocess.run(
        [REELYARD, "up", "--host", "0.0.0.0", "--port", "0"],
        check=False,
        env=os.environ | {"REELYARD_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode != 0
    assert "key" in done.stderr


def test_without_a_cluster_status_says_so_and_run_brings_its_own(
    clips: Path, tmp_path: Path
) -> None:
    env = os.environ | {"REELYARD_DATA_DIR": str(tmp_path / "data")}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [REELYARD, *args], check=False, env=env, capture_output=True, text=True, timeout=110
        )

    assert run("status").returncode == 4
    assert run("jobs").returncode == 4
    (job,) = read(run("run", "probe", str(clips / "clip.mp4"), "--json"))["jobs"]
    assert job["state"] == "succeeded"
    assert run("status").returncode == 4
