"""Reelyard for Python programs: everything public, in one place.

from reelyard import connect

with connect() as reelyard:
    jobs = reelyard.submit_many("preview", paths, params={"preview_type": "thumbnail"})
    for job in reelyard.as_completed(jobs):
        print(job.source_url, job.path or job.error)

Beside it: `reelyard.errors` (what calls raise), and for operations of one's own `reelyard.media`,
`reelyard.frames` and `reelyard.testing`. A name is imported when it is first used: an operation in
a codec process loads no client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.jobs.model import ErrorInfo, State
    from actors.media.catalogue import operation
    from actors.media.operation import Limits, MediaFile, Params, Result, Source, Work
    from api.client.async_client import AsyncClient
    from api.client.connect import connect, connect_async
    from api.client.request import JobRequest, request
    from api.client.results_view import results_view
    from api.client.sync_client import Client
    from api.client.views import JobView, OutputView
    from cluster.errors import ReelyardError
    from cluster.settings import Settings

__all__ = [
    "AsyncClient",
    "Client",
    "ErrorInfo",
    "JobRequest",
    "JobView",
    "Limits",
    "MediaFile",
    "OutputView",
    "Params",
    "ReelyardError",
    "Result",
    "Settings",
    "Source",
    "State",
    "Work",
    "connect",
    "connect_async",
    "operation",
    "request",
    "results_view",
]

_HOMES = {
    "actors.jobs.model": ["ErrorInfo", "State"],
    "actors.media.catalogue": ["operation"],
    "actors.media.operation": ["Limits", "MediaFile", "Params", "Result", "Source", "Work"],
    "api.client.async_client": ["AsyncClient"],
    "api.client.connect": ["connect", "connect_async"],
    "api.client.request": ["JobRequest", "request"],
    "api.client.results_view": ["results_view"],
    "api.client.sync_client": ["Client"],
    "api.client.views": ["JobView", "OutputView"],
    "cluster.errors": ["ReelyardError"],
    "cluster.settings": ["Settings"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'reelyard' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return [*globals(), *__all__]
