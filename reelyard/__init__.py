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

if TYPE_CHECKING:
    from reelyard.actors.jobs.model import ErrorInfo, State
    from reelyard.actors.media.catalogue import operation
    from reelyard.actors.media.operation import Limits, MediaFile, Params, Result, Source, Work
    from reelyard.api.client.async_client import AsyncClient
    from reelyard.api.client.connect import connect, connect_async
    from reelyard.api.client.request import JobRequest, request
    from reelyard.api.client.results_view import results_view
    from reelyard.api.client.sync_client import Client
    from reelyard.api.client.views import JobView, OutputView
    from reelyard.cluster.errors import ReelyardError
    from reelyard.cluster.settings import Settings

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

# This module runs before any other of the product: each process would load what it imported.
_AT_FIRST_USE = {
    "reelyard.actors.jobs.model": ("ErrorInfo", "State"),
    "reelyard.actors.media.catalogue": ("operation",),
    "reelyard.actors.media.operation": (
        "Limits",
        "MediaFile",
        "Params",
        "Result",
        "Source",
        "Work",
    ),
    "reelyard.api.client.async_client": ("AsyncClient",),
    "reelyard.api.client.connect": ("connect", "connect_async"),
    "reelyard.api.client.request": ("JobRequest", "request"),
    "reelyard.api.client.results_view": ("results_view",),
    "reelyard.api.client.sync_client": ("Client",),
    "reelyard.api.client.views": ("JobView", "OutputView"),
    "reelyard.cluster.errors": ("ReelyardError",),
    "reelyard.cluster.settings": ("Settings",),
}
_MODULE_OF = {name: module for module, names in _AT_FIRST_USE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
