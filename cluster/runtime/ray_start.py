"""The Ray node of an embedded cluster: its dashboard comes after everything else, or not at all.

`ray.init` of Ray 2.60 starts three more processes than a cluster needs before it can work, waits
for one of them, and then looks for its own node once a second. None of it can be set; the places
where it is decided are methods of Ray's `Node`, and a test holds Ray to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

from reelyard.cluster.errors import StartFailed
from reelyard.cluster.runtime.ray_env import free_ports
from reelyard.cluster.runtime.startup_patience import one_line

TRIES = 3
LOOK_S = 0.02
LISTED_WITHIN_S = 900.0
CALL_S = 60.0
NOBODY = b"127.0.0.1:0"
AGENT_PORTS = (
    "metrics_agent_port",
    "metrics_export_port",
    "dashboard_agent_listen_port",
    "runtime_env_agent_port",
)
ESSENTIAL = ("gcs_server", "raylet")
AGENT_NEEDS = (
    "aiohttp",
    "aiohttp_cors",
    "grpc",
    "opencensus",
    "opentelemetry",
    "prometheus_client",
    "pydantic",
)


@contextmanager
def lean_node(log_folder: Callable[[str], Path]) -> Iterator[None]:
    """Within, `ray.init` starts a node without API server, autoscaler monitor and log monitor.

    They serve Ray's dashboard, its autoscaler, and workers' output on the driver's terminal: 2 s of
    processor time before anything runs. `start_dashboard` starts the first two later.

    Ray's logs go to the folder that `log_folder` gives for the session's name.
    """
    from ray._private import node

    with patch.object(node, "Node", _lean(node.Node, log_folder)):
        yield


def start_ray(options: Mapping[str, Any], log_folder: Callable[[str], Path]) -> None:
    """`ray.init(**options)` as a `lean_node`; what Ray gives up is tried again.

    Raises `StartFailed`.
    """
    import ray

    why = ""
    for _ in range(TRIES):
        try:
            with lean_node(log_folder):
                ray.init(**options)
        # Ray 2.60 raises whatever comes its way, a bare `Exception` among it.
        except Exception as error:  # noqa: BLE001  see above
            why = one_line(error)
            ray.shutdown()
        else:
            return
    raise StartFailed(f"Ray could not be started in {TRIES} tries: {why}")


def start_dashboard() -> str | None:
    """Start the dashboard of the lean node that this process has started; its URL, if it came up.

    Call it from the main thread, as `ray.init`: it takes 2 to 3 s.
    """
    from ray._private import worker

    return worker._global_node.start_dashboard()  # type: ignore[no-any-return]  # noqa: SLF001


def dead_process() -> str | None:
    """Which process of this process's node has died, without which there is no cluster; None:
    none. The dashboard and its like may die."""
    from ray._private import worker

    node = worker._global_node  # noqa: SLF001
    dead = {} if node is None else dict(node.dead_processes())
    return next((name for name in ESSENTIAL if name in dead), None)


def _lean(plain: Any, log_folder: Callable[[str], Path]) -> Any:
    class LeanNode(plain):  # type: ignore[misc]  # Ray is not typed
        def _init_temp(self, *args: Any) -> None:
            session = Path(self._ray_params.temp_dir) / self._session_name
            session.mkdir(parents=True)
            (session / "logs").symlink_to(log_folder(self._session_name))
            super()._init_temp(*args)

        def start_api_server(self, **_: Any) -> None:
            _name_no_api_server(self)

        def start_monitor(self) -> None:
            """None yet."""

        def start_log_monitor(self) -> None:
            """None here."""

        def start_dashboard(self) -> str | None:
            _forget_api_server(self)
            super().start_api_server(include_dashboard=True, raise_on_failure=False)
            # Without it the dashboard does not know what work waits for resources.
            super().start_monitor()
            return f"http://{self.webui_url}" if self.webui_url else None

        def start_raylet(self, *args: Any, **kwargs: Any) -> None:
            _choose_agent_ports(self)
            with _no_trial_imports():
                super().start_raylet(*args, **kwargs)
            _wait_until_listed(self)

    return LeanNode


def _choose_agent_ports(node: Any) -> None:
    # Where the agents choose their ports, the raylet waits 15 s for them to tell, and then aborts.
    from ray import _raylet

    raylet: Any = _raylet
    params, folder = node._ray_params, node._session_dir  # noqa: SLF001  see the module
    for name, port in zip(AGENT_PORTS, free_ports(len(AGENT_PORTS)), strict=True):
        setattr(params, name, getattr(params, name) or port)
    # The raylet has no option for this one, and reads it where the agent would write it.
    listening = params.dashboard_agent_listen_port
    name = raylet.DASHBOARD_AGENT_LISTEN_PORT_NAME
    raylet.persist_port(folder, node._node_id, name, listening)  # noqa: SLF001


@contextmanager
def _no_trial_imports() -> Iterator[None]:
    # Ray sees whether its agent can run by importing in this process all that the agent needs.
    from ray._private import utils

    if not all(find_spec(name) for name in AGENT_NEEDS):
        yield
        return
    with patch.object(utils, "get_dashboard_dependency_error", lambda: None):
        yield


def _name_no_api_server(node: Any) -> None:
    # The node's agent asks for it once a second, and logs a page each time that there is none.
    from ray._private import ray_constants

    node.get_gcs_client().internal_kv_put(
        ray_constants.DASHBOARD_ADDRESS.encode(),
        NOBODY,
        True,
        ray_constants.KV_NAMESPACE_DASHBOARD,
    )


def _forget_api_server(node: Any) -> None:
    # Else Ray takes the entry for the one that it has just started.
    from ray._private import ray_constants

    node.get_gcs_client().internal_kv_del(
        ray_constants.DASHBOARD_ADDRESS.encode(), False, ray_constants.KV_NAMESPACE_DASHBOARD
    )


def _wait_until_listed(node: Any) -> None:
    """Wait until the new raylet is known, or has died: Ray then finds it at its first look.

    Ray itself looks for 30 s, and then gives up a node that is only slow.
    """
    (raylet,) = node.all_processes["raylet"]
    from ray.exceptions import RpcError

    end = time.monotonic() + LISTED_WITHIN_S
    while time.monotonic() < end and raylet.process.poll() is None:
        with suppress(RpcError):
            if node.get_gcs_client().get_all_node_info(timeout=CALL_S):
                return
        time.sleep(LOOK_S)
