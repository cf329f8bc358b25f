"""The environment that Ray is started with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelyard.cluster.runtime import ray_env
from reelyard.cluster.settings import Settings
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without what a cluster that was started in this process has left there.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    monkeypatch.setattr(os, "environ", clean)
    monkeypatch.setattr(ray_env, "_applied", set())


def test_the_embedded_cluster_asks_for_a_token_and_stays_on_loopback(tmp_path: Path) -> None:
    found = ray_env.embedded_environment(Settings(), tmp_path, "hush", 0o022)
    assert found["RAY_AUTH_MODE"] == "token"
    assert found["RAY_AUTH_TOKEN"] == "hush"
    assert found[ray_env.LOOPBACK] == "0"
    assert found["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0"


def test_what_the_operator_set_stays_but_for_what_keeps_us_safe(tmp_path: Path) -> None:
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_SERVE_LOG_TO_STDERR": "0"}
    found = ray_env.embedded_environment(Settings(), tmp_path, "hush", 0o022)
    ray_env.apply(found, firm=ray_env.FIRM)
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert os.environ["RAY_SERVE_LOG_TO_STDERR"] == "0"


def test_a_second_start_replaces_what_the_first_has_set(tmp_path: Path) -> None:
    for run in ("first", "second"):
        found = ray_env.embedded_environment(
            Settings(proxy="haproxy"), tmp_path / run, "hush", 0o022
        )
        ray_env.apply(found)
    assert str(tmp_path / "second") in os.environ["RAY_SERVE_HAPROXY_SOCKET_PATH"]


def test_the_python_proxy_needs_no_haproxy(tmp_path: Path) -> None:
    found = ray_env.serve_environment(Settings(proxy="python"), tmp_path)
    assert found["RAY_SERVE_ENABLE_HA_PROXY"] == "0"
    assert not any("HAPROXY_" in name for name in found)


def test_haproxy_keeps_its_control_socket_in_the_folder_of_the_run(tmp_path: Path) -> None:
    found = ray_env.serve_environment(Settings(proxy="haproxy"), tmp_path)
    assert found["RAY_SERVE_HAPROXY_SOCKET_PATH"].startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("given", "mode"),
    [({}, "disabled"), ({"RAY_AUTH_TOKEN_PATH": "/x"}, "token"), ({"RAY_AUTH_MODE": "k"}, "k")],
)
def test_joining_another_cluster_sets_the_authentication_explicitly(
    given: dict[str, str], mode: str
) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        os.environ.pop(name, None)
    os.environ |= given
    assert ray_env.join_environment(None)["RAY_AUTH_MODE"] == mode


def test_joining_the_embedded_cluster_uses_its_token() -> None:
    found = ray_env.join_environment("hush")
    assert (found["RAY_AUTH_MODE"], found["RAY_AUTH_TOKEN"]) == ("token", "hush")
    assert found[ray_env.LOOPBACK] == "0"


def test_free_ports_differ() -> None:
    assert len(set(ray_env.free_ports(5))) == 5


def test_free_ports_are_none_that_outgoing_connections_get() -> None:
    assert all(20_000 <= port < 32_768 for port in ray_env.free_ports(50))


def test_a_child_of_a_program_with_a_cluster_chooses_its_own_ports_and_paths() -> None:
    program = (
        "import os; from reelyard.cluster.runtime import ray_env\n"
        "wanted = {'RAY_SERVE_HAPROXY_STATS_PORT': os.environ['PORT'], 'RAY_CHOSEN': 'ours'}\n"
        "ray_env.apply(wanted)\n"
        "print(os.environ['RAY_SERVE_HAPROXY_STATS_PORT'], os.environ['RAY_CHOSEN'])"
    )
    nested = (
        f"{program}\nimport subprocess, sys; os.environ['PORT'] = '2'\n"
        "subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    )
    environment = os.environ | {"PORT": "1", "RAY_CHOSEN": "theirs"}
    environment.pop(ray_env.APPLIED, None)
    environment.pop("RAY_SERVE_HAPROXY_STATS_PORT", None)
    done = subprocess.run(
        [sys.executable, "-c", nested, program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split("\n")) == ["", "1 theirs", "2 theirs"]
