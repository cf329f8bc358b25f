"""`/livez`, `/healthz`, `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CollectorRegistry, GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from reelyard.actors.jobs.messages import Overview
from reelyard.api.http.dependencies import AdminDep, ServicesDep
from reelyard.api.http.errors import json_response
from reelyard.api.v1 import v1_shapes
from reelyard.api.v1.openapi.entries import READ, answered, errors
from reelyard.api.v1.openapi.response_models import Alive, Health
from reelyard.cluster.errors import Unavailable

router = APIRouter(tags=["health"])
VERSION = version("reelyard")
RETRY_S = 5
_ALIVE = {"status": "ok", "version": VERSION}


@router.head("/livez", include_in_schema=False)
@router.get("/livez", responses=answered(Alive), summary="This process answers")
async def livez() -> Response:
    return json_response(_ALIVE)


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", responses=answered(Health, 503), summary="Jobs can be taken on")
async def healthz(services: ServicesDep) -> Response:
    """Asks the registry at most once a second. Degraded is 200: jobs are taken on, and wait."""
    try:
        seen = v1_shapes.health(await services.registry.health())
    except Unavailable as away:
        parts = {"registry": {"ok": False, "reason": "it does not answer"}}
        raise _not_ready("unavailable", parts, away) from None
    if seen["status"] == "unavailable":
        raise _not_ready(seen["status"], seen["parts"])
    return json_response(seen | {"version": VERSION})


def _not_ready(status: str, parts: dict[str, Any], away: Unavailable | None = None) -> Unavailable:
    wrong = "; ".join(f"{name}: {part['reason']}" for name, part in parts.items() if not part["ok"])
    return Unavailable(
        f"not ready: {wrong}",
        details={"status": status, "parts": parts},
        internal=away.internal if away else None,
        retry_after_s=away.retry_after_s if away else RETRY_S,
    )


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=errors(403, *READ),
    summary="Prometheus metrics of the cluster and of this process's requests",
)
async def metrics(
    request: Request,
    services: ServicesDep,
    caller: AdminDep,  # noqa: ARG001  asks for an admin
) -> Response:
    cluster = CollectorRegistry()
    cluster.register(_OverviewMetrics(await services.registry.overview()))
    text = generate_latest(cluster) + generate_latest(request.app.state.metrics.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


class _OverviewMetrics:
    """An overview as metrics."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks a collector for."""
        seen = self._overview
        jobs = GaugeMetricFamily("reelyard_jobs", "Jobs by state", labels=["state"])
        for state, count in seen.jobs.items():
            jobs.add_metric([state], count)
        yield jobs
        for name, text, field in (
            ("queued", "Tasks that wait", "queued"),
            ("running", "Tasks that run", "running"),
            ("oldest_queued_seconds", "Age of the oldest waiting task", "oldest_queued_s"),
            ("backlog_seconds", "Estimated work that waits, in worker seconds", "backlog_s"),
        ):
            family = GaugeMetricFamily(f"reelyard_pool_{name}", text, labels=["pool"])
            for pool in seen.pools:
                family.add_metric([pool.name], getattr(pool, field))
            yield family
        workers = GaugeMetricFamily("reelyard_pool_workers", "Workers", labels=["pool"])
        for pool in seen.pools:
            workers.add_metric([pool.name], len(pool.workers))
        yield workers
        parts = GaugeMetricFamily(
            "reelyard_part_ok", "1: the part is well; /healthz tells what is wrong", labels=["part"]
        )
        for part in seen.health.parts:
            parts.add_metric([part.name], part.ok)
        yield parts
        yield GaugeMetricFamily(
            "reelyard_jobs_finished_per_second", "Over the last minute", seen.finished_per_s
        )
        yield GaugeMetricFamily(
            "reelyard_lease_expiries", "Leases that ran out since start", seen.lease_expiries
        )
        yield GaugeMetricFamily(
            "reelyard_registry_uptime_seconds", "Since the registry started", seen.uptime_s
        )
