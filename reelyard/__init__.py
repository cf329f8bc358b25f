"""Reelyard for Python programs: everything public, in one place.

from reelyard import connect

with connect() as reelyard:
    jobs = reelyard.submit_many("preview", paths, params={"preview_type": "thumbnail"})
    for job in reelyard.as_completed(jobs):
        print(job.source_url, job.path or job.error)
"""

from actors.jobs.model import State
from actors.media.catalogue import operation
from actors.media.operation import MediaFile, Params, Result, Work
from api.client.async_client import AsyncClient
from api.client.connect import connect, connect_async
from api.client.request import JobRequest, request
from api.client.sync_client import Client
from api.client.views import JobView, OutputView
from cluster.errors import ReelyardError
from cluster.settings import Settings

__all__ = [
    "AsyncClient",
    "Client",
    "JobRequest",
    "JobView",
    "MediaFile",
    "OutputView",
    "Params",
    "ReelyardError",
    "Result",
    "Settings",
    "State",
    "Work",
    "connect",
    "connect_async",
    "operation",
    "request",
]
