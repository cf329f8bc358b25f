"""The dialects on a real registry and store in this process; a test plays the worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from reelyard.actors.jobs.messages import Commit, KeySpec, WorkerInfo
from reelyard.actors.jobs.model import ErrorInfo, Outcome, OutputFile
from reelyard.actors.jobs.object_keys import output_key
from reelyard.actors.registry.service import RegistryService
from reelyard.actors.testing.in_process_link import InProcessLink
from reelyard.api.http.services import Services
from reelyard.api.http.signing import Signer
from reelyard.api.registry_client.client import RegistryClient
from reelyard.api.serving.app import create_app
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import open_storage

URL = "https://example.com/video.mp4"
MP4 = ("clip.mp4", b"not looked at here", "video/mp4")


@dataclass
class DialectHarness:
    """A client with the key of tenant `acme`, and calls by which a test plays the worker."""

    http: httpx2.AsyncClient
    registry: RegistryService
    services: Services
    key: str
    key_id: str
    other: dict[str, str]
    """The headers of somebody else."""

    async def work(
        self,
        name: str = "clip.webm",
        error: str | None = None,
        result: dict[str, Any] | None = None,
    ) -> str:
        """Lease one task and end it; the name of what it ran."""
        worker = WorkerInfo("slot", "one", "cpu", "node", ["light", "cpu"])
        (lease,) = (await self.registry.lease(worker, 1, [], 5)).leases
        outputs: list[OutputFile] = []
        if error is None and lease.operation != "probe":
            key = output_key(lease.tenant, lease.job_id, lease.task, lease.fence, name)
            await self.services.storage.put(key, b"made")
            facts = {"duration_s": 10.472, "width": 64, "height": 36}
            url = f"storage:{key}"
            outputs = [OutputFile(name, url, 4, "0" * 64, "video/webm", "video", facts)]
        await self.registry.commit(
            [
                Commit(
                    lease.job_id,
                    lease.task,
                    lease.fence,
                    Outcome.FAILED if error else Outcome.SUCCEEDED,
                    outputs,
                    result or {"strategy": "video-webm-vp9", "duration_s": 10.472},
                    ErrorInfo(error, "why") if error else None,
                )
            ]
        )
        return lease.operation

    async def enhance(self, **changes: Any) -> str:
        """A new job of Dolby's; its id."""
        body = {"input": URL, "output": "dlb://out/clip.mp4"} | changes
        answer = await self.http.post("/media/enhance", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])

    async def submit(self, **data: str) -> str:
        """A new job of Pipelyn's; its id."""
        answer = await self.http.post("/api/media/jobs", files={"media": MP4}, data=data)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["jobId"])

    async def create(self, key: str | None = None, **changes: Any) -> httpx2.Response:
        """The answer to a new job of ittybit's."""
        headers = {"Idempotency-Key": key} if key else {}
        body = {"kind": "video", "input": URL, "options": {"format": "mp4"}} | changes
        return await self.http.post("/jobs", json=body, headers=headers)


@asynccontextmanager
async def open_dialects(settings: Settings) -> AsyncIterator[DialectHarness]:
    """A harness on the store and storage of `settings`."""
    settings = settings.model_copy(update={"allowed_hosts": ["test"]})
    registry = RegistryService(settings)
    client = RegistryClient(InProcessLink(registry), settings)
    services = Services(settings, client, open_storage(settings), Signer("s" * 32))
    app = create_app(services)
    key, info = await client.accounts.create_key(KeySpec("acme", "laptop"))
    stranger, _ = await client.accounts.create_key(KeySpec("umbrella", "other"))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://test",
        headers={"Authorization": f"Bearer {key}"},
    ) as http:
        other = {"Authorization": f"Bearer {stranger}"}
        yield DialectHarness(http, registry, services, key, info.key_id, other)
    await services.close()
    await registry.stop()
