"""HAProxy's own ports stay on loopback."""

import re
import subprocess
from pathlib import Path

import pytest
import ray

from cluster import haproxy
from cluster.settings import Settings

pytestmark = pytest.mark.skipif(
    not haproxy.uses_haproxy(Settings()), reason="there is no HAProxy here"
)
BIND = re.compile(r"^ *bind (.*)$", re.MULTILINE)


def test_only_what_asks_for_an_address_is_bound_to_it(tmp_path: Path) -> None:
    wrapper = haproxy.loopback_binary(tmp_path / "it's")
    assert wrapper is not None
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n"
        "frontend a\n    bind :1234\n"
        "frontend b\n    bind 0.0.0.0:8000\n"
        "listen stats\n  bind *:5678\n"
    )
    for _ in range(2):
        subprocess.run([wrapper, "-c", "-f", str(config)], check=True, capture_output=True)
        assert BIND.findall(config.read_text()) == [
            "127.0.0.1:1234",
            "0.0.0.0:8000",
            "127.0.0.1:5678",
        ]


def test_rays_template_binds_in_no_other_way() -> None:
    text = (Path(ray.__file__).parent / "serve/_private/haproxy_templates.py").read_text()
    binds = {re.sub(r"{{ config\.(\w+) }}", r"\1", found) for found in BIND.findall(text)}
    assert binds == {
        ":metrics_port",
        "*:stats_port",
        "frontend_host:frontend_port",
        "grpc_frontend_host:grpc_frontend_port proto h2",
    }


def test_a_wrapper_of_an_earlier_cluster_that_is_gone_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", str(tmp_path / "gone"))
    assert haproxy.uses_haproxy(Settings())
    assert haproxy.loopback_binary(tmp_path) is not None
