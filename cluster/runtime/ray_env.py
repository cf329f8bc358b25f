"""Environment of Ray and Ray Serve. It must be set before `import ray`: Ray reads it once.

Figures: `docs/architecture.md`. Variables that the operator has set are left alone.
"""

from __future__ import annotations

import os
import random
import socket
import sys
from contextlib import suppress
from pathlib import Path

from reelyard.cluster.errors import Unavailable
from reelyard.cluster.folders.user_files import USER_UMASK
from reelyard.cluster.runtime.haproxy_rules import Edge
from reelyard.cluster.runtime.haproxy_wrapper import (
    NO_EDGE,
    limits_of,
    uses_haproxy,
    wrapped_binary,
)
from reelyard.cluster.settings import Settings

LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Set to 0 it makes Ray take 127.0.0.1 for the node's address, and bind to it, on Linux too."""

FIRM = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", LOOPBACK, "RAY_ENABLE_UV_RUN_RUNTIME_ENV")
"""Variables that a cluster of our own sets whatever the shell says."""

SILENCE = "."
"""Ray prints a page on a driver's standard output for each worker that dies. We tell it in the log,
and the output of a command belongs to its user: every line is skipped."""

_PORTS = range(20_000, 32_768)
"""Between Ray's own for workers and the system's for outgoing connections: a port that is free now
should still be so when it is bound, seconds later."""

HEALTH_CHECKS = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}
"""A killed raylet counts as dead after 3 s, a hung one after 6 to 9 s (Ray's own: 16 and 64 s)."""

PATIENT_HEALTH_CHECKS = HEALTH_CHECKS | {"health_check_timeout_ms": 20_000}
"""Where there is one raylet: no other node could take over, and on a busy machine it may well be
silent for some seconds. A killed one still counts as dead after 3 s."""

START_UP_S = 900
"""Time that Ray, and Serve, give a process to start. Their own limits (5 to 60 s) end a start that
a busy machine only makes slow; a process that dies is noticed without them."""


def embedded_environment(
    settings: Settings, folder: Path, token: str, umask: int, edge: Edge = NO_EDGE
) -> dict[str, str]:
    """What Ray reads in a cluster that lives and dies with this process.

    `folder` is the run's own folder. Every port is bound to the loopback address, and a token
    guards them: whoever reaches Ray runs code as this user. `umask` is the user's, for files that
    are put where the user asked.
    """
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        LOOPBACK: "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS_SKIP_REGEX": SILENCE,
        # Processes started ahead of need cost a second of start-up and 60 MB each.
        "RAY_prestart_worker_first_driver": "0",
        "RAY_enable_worker_prestart": "0",
        # The agents wait so long for a dead head before they exit.
        "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
        "RAY_task_events_max_num_task_in_gcs": "10000",
        "RAY_maximum_gcs_destroyed_actor_cached_count": "1000",
        "RAY_gcs_server_port_wait_time_s": str(START_UP_S),
        "RAY_gcs_server_request_timeout_seconds": str(START_UP_S),
        "RAY_worker_register_timeout_seconds": str(START_UP_S),
        "RAY_agent_register_timeout_ms": str(START_UP_S * 1000),
        USER_UMASK: f"{umask:o}",
        **serve_environment(settings, folder, edge),
    }


def commands_environment(address: str, token_file: Path) -> dict[str, str]:
    """What Ray's own commands (`ray status`, `ray list actors`) need to reach the embedded cluster.

    Without the last one they take 127.0.0.1 for another name of the node's outward address.
    """
    return {
        "RAY_ADDRESS": address,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_file),
        LOOPBACK: "0",
    }


def join_environment(token: str | None) -> dict[str, str]:
    """What Ray reads in a process that joins: with a `token` the embedded cluster, else another."""
    common = {
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS_SKIP_REGEX": SILENCE,
    }
    if token is not None:
        return common | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token,
            LOOPBACK: "0",
        }
    given = os.environ.keys() & {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}
    return common | {
        "RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "token" if given else "disabled")
    }


def serve_environment(settings: Settings, folder: Path, edge: Edge = NO_EDGE) -> dict[str, str]:
    """What Ray Serve reads: HAProxy where it can run, one event loop, ports of its own.

    HAProxy's default ports and its sockets are the same for every cluster on a machine, and the
    sockets are open to everybody; here they are this run's own.
    """
    common = {
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_LOG_TO_STDERR": "1",
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0.1",
        # Serve 2.60 kills a proxy that is not ready within 5 s, and starts another.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": str(START_UP_S),
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "30",
        # Three failures in a row, and Serve replaces the proxy: at 10 s, nobody would listen for
        # half a minute when the actor that owns HAProxy is killed.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "2",
        # Until the proxy has the port, the starting process holds it; and a HAProxy that is
        # reloaded listens before the old one ends.
        "SERVE_SOCKET_REUSE_PORT_ENABLED": "1",
    }
    if edge.proxy_hook is not None:
        common["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] = edge.proxy_hook
    if edge.controller_hook is not None:
        common["RAY_SERVE_CONTROLLER_CALLBACK_IMPORT_PATH"] = edge.controller_hook
    if not uses_haproxy(settings):
        # Without HAProxy nothing would talk to a replica directly.
        return common | {"RAY_SERVE_ENABLE_HA_PROXY": "0", "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0"}
    home = folder / "haproxy"
    stats, metrics, fallback, fallback_grpc = free_ports(4)
    limits = limits_of(settings)
    binary = wrapped_binary(home, limits, edge)
    return common | {
        **({"RAY_SERVE_HAPROXY_BINARY_PATH": str(binary)} if binary else {}),
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_NBTHREAD": str(max(1, settings.cores)),
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        "RAY_SERVE_HAPROXY_STARTUP_TIMEOUT_S": str(START_UP_S),
        "RAY_SERVE_HAPROXY_MAXCONN": str(limits.connections),
        # A replica that dies takes no request along that another can answer; `frontend_rules` says
        # which may be sent twice.
        "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
        # Its idle connections are tried first, and each is a try; a new replica takes seconds.
        "RAY_SERVE_HAPROXY_RETRIES": "16",
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats),
        # Bound even where metrics are off.
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(fallback_grpc),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(home / "haproxy.cfg"),
        # HAProxy takes at most 97 bytes, and Serve puts the node's id (56) before the name.
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "s"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "m"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(home),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(home / "server-state"),
    }


def free_ports(count: int) -> list[int]:
    """That many loopback ports which nobody uses now. Raises `Unavailable`."""
    sockets: list[socket.socket] = []
    try:
        for port in random.sample(_PORTS, len(_PORTS)):
            with suppress(OSError):
                sockets.append(socket.create_server(("127.0.0.1", port)))
            if len(sockets) == count:
                return [sock.getsockname()[1] for sock in sockets]
        raise Unavailable(f"no {count} ports of {_PORTS.start} to {_PORTS.stop - 1} are free")
    finally:
        for sock in sockets:
            sock.close()


APPLIED = "_REELYARD_APPLIED"
"""Tells the processes that come from this one which of the variables nobody chose."""
_applied = set(filter(None, os.environ.get(APPLIED, "").split(",")))


def apply(variables: dict[str, str], *, firm: tuple[str, ...] = ()) -> None:
    """Put `variables` into this process's environment, and into a Ray that is already imported.

    What the operator has set stays, except for the names in `firm`: what makes the embedded
    cluster safe is not up to the surrounding shell. What an earlier cluster has put there, of this
    process or of one that it comes from, gives way: its ports and paths are not this one's.
    """
    for name, value in variables.items():
        if name in firm or name in _applied or name not in os.environ:
            os.environ[name] = value
            _applied.add(name)
    os.environ[APPLIED] = ",".join(sorted(_applied))
    if "ray" in sys.modules and variables.get(LOOPBACK) == "0":
        from ray._private import ray_constants

        ray_constants.ENABLE_RAY_CLUSTER = False
