"""Reelyard for Python programs: everything public, in one place.

from reelyard import connect

with connect() as reelyard:
    jobs = reelyard.submit_many("preview", paths, params={"preview_type": "thumbnail"})
    for job in reelyard.as_completed(jobs):
        print(job.source_url, job.path or job.error)

Beside it: `reelyard.errors`, which calls raise, and for operations of your own `reelyard.media`,
`reelyard.frames` and `reelyard.testing`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from actors.jobs.model import ErrorInfo, State
from actors.media.catalogue import operation
from actors.media.operation import Limits, MediaFile, Params, Result, Source, Work
from cluster.errors import ReelyardError

if TYPE_CHECKING:
    from api.client.async_client import AsyncClient
    from api.client.connect import connect, connect_async
    from api.client.request import JobRequest, request
    from api.client.results_view import results_view
    from api.client.sync_client import Client
    from api.client.views import JobView, OutputView
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

# The clients take half a second to import, and a codec process that loads an operation of yours has
# no use for them.
_AT_FIRST_USE = {
    "AsyncClient": "api.client.async_client",
    "Client": "api.client.sync_client",
    "JobRequest": "api.client.request",
    "JobView": "api.client.views",
    "OutputView": "api.client.views",
    "Settings": "cluster.settings",
    "connect": "api.client.connect",
    "connect_async": "api.client.connect",
    "request": "api.client.request",
    "results_view": "api.client.results_view",
}


def __getattr__(name: str) -> Any:
    if name not in _AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_AT_FIRST_USE[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
