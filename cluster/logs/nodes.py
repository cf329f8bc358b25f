"""The logs of every node of the connected Ray cluster, read where they lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelyard.cluster.logs.reading import (
    LogLine,
    LogQuery,
    Positions,
    actors_of,
    read_last,
    read_new,
)
from reelyard.cluster.logs.structured import log_folder
from reelyard.cluster.settings import Settings

READ_S = 60.0

type NodePositions = dict[str, Positions]
"""How far was read on each node, by its id."""


def read_nodes(
    settings: Settings, query: LogQuery, positions: NodePositions | None = None
) -> tuple[list[LogLine], NodePositions]:
    """As `read_last`, or `read_new` after `positions`, over all nodes that answer within a minute.

    Nodes that share one folder are read once. Call it in a process that has joined the cluster.
    """
    lines: list[LogLine] = []
    after: NodePositions = {}
    seen: set[tuple[int, ...]] = set()
    for node, (some, ends) in _on_every_node(
        lambda node: _read(settings, query, None if positions is None else positions.get(node))
    ).items():
        after[node] = ends
        files = tuple(sorted(ends))
        if not files or files not in seen:
            lines += some
        seen.add(files)
    lines.sort()
    count = None if positions is not None else query.lines
    return (lines if count is None else lines[max(0, len(lines) - count) :]), after


def actors_of_nodes(settings: Settings) -> list[str]:
    """Whose logs there are on any node."""
    found = _on_every_node(lambda _: lambda: actors_of(log_folder(settings)))
    return sorted({name for names in found.values() for name in names})


def _read(
    settings: Settings, query: LogQuery, positions: Positions | None
) -> Callable[[], tuple[list[LogLine], Positions]]:
    def read() -> tuple[list[LogLine], Positions]:
        folder = log_folder(settings)
        return read_last(folder, query) if positions is None else read_new(folder, query, positions)

    return read


def _on_every_node(work: Callable[[str], Callable[[], Any]]) -> dict[str, Any]:
    """What `work(node id)` gives there, by node id; without nodes that do not answer."""
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    pending = {}
    for node in ray.nodes():
        if node["Alive"]:
            place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            call = ray.remote(num_cpus=0, max_retries=0)(work(node["NodeID"]))
            pending[call.options(scheduling_strategy=place).remote()] = node["NodeID"]
    ready, _ = ray.wait(list(pending), num_returns=len(pending), timeout=READ_S)
    found = {}
    for ref in ready:
        try:
            found[pending[ref]] = ray.get(ref)
        except RayError:
            continue  # the node has gone
    return found
