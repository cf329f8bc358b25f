"""The API on a real registry in this process: SQLite in a folder, no Ray, no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from reelyard.actors.jobs.messages import Commit, KeyScope, KeySpec, Lease, Report, WorkerInfo
from reelyard.actors.jobs.model import ErrorInfo, Outcome, OutputFile
from reelyard.actors.media.catalogue import load_operations
from reelyard.actors.registry.service import RegistryService
from reelyard.actors.testing.in_process_link import InProcessLink
from reelyard.api.http.services import Services
from reelyard.api.http.signing import Signer
from reelyard.api.registry_client.client import RegistryClient
from reelyard.api.serving.app import create_app
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import open_storage

URL = "http://127.0.0.1:8000"
WORKER = WorkerInfo(
    slot="cpu-1", incarnation="one", pool="cpu", node="here", takes=["cpu", "light"]
)


@dataclass
class Gate:
    """Where calls stop until they are let through."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)


class CountingRegistry:
    """Passes calls on, counts them, and holds them up where told to."""

    def __init__(self, registry: RegistryService) -> None:
        self._registry = registry
        self.calls: dict[str, int] = {}
        self._gates: dict[str, Gate] = {}

    def hold(self, name: str) -> Gate:
        """Let no call of that method through until the gate is opened."""
        gate = self._gates[name] = Gate()
        return gate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._registry, name)

        async def call(*args: Any) -> Any:
            self.calls[name] = self.calls.get(name, 0) + 1
            if (gate := self._gates.get(name)) is not None:
                gate.reached.set()
                await gate.open.wait()
            return await method(*args)

        return call


@dataclass
class ApiHarness:
    """A server, an HTTP client of it, and calls by which a test plays its worker."""

    registry: RegistryService
    counted: CountingRegistry
    services: Services
    http: httpx2.AsyncClient
    headers: dict[str, str] = field(default_factory=dict)

    async def key(
        self,
        tenant: str,
        *,
        admin: bool = False,
        credits: int | None = None,
        scope: KeyScope | None = None,
        life_s: float | None = None,
    ) -> str:
        """A key's text; from then on the server wants one."""
        text, _ = await self.services.registry.accounts.create_key(
            KeySpec(
                tenant,
                tenant,
                scope=scope or (KeyScope.ADMIN if admin else KeyScope.SUBMIT),
                life_s=life_s,
                credits=credits,
            )
        )
        return text

    def use(self, key: str | None) -> None:
        """Send this key from now on."""
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = self.headers | options.pop("headers", {})
        return await self.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: object = None, **options: Any) -> httpx2.Response:
        return await self.call("POST", path, json=body, **options)

    async def submit(self, **body: Any) -> str:
        """The id of a fresh job (a probe unless told otherwise)."""
        answer = await self.post(
            "/v1/jobs", {"operation": "probe", "url": "http://media.test/clip.mp4"} | body
        )
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["job_id"]
        return job_id

    async def lease(self) -> Lease:
        """The next task, now running."""
        reply = await self.registry.lease(WORKER, 1, [], 0)
        return reply.leases[0]

    async def progress(self, lease: Lease, percent: float) -> None:
        report = Report(lease.job_id, lease.task, lease.fence, percent, "encode", 2.0, 3.5)
        await self.registry.report(WORKER.slot, WORKER.incarnation, [report])

    async def finish(self, lease: Lease, **result: Any) -> None:
        """Succeed, with a stored output called clip.jpg."""
        key = f"tenants/{lease.tenant}/jobs/{lease.job_id}/{lease.task}-{lease.fence}/clip.jpg"
        await self.services.storage.put(key, b"picture")
        output = OutputFile(
            name="clip.jpg",
            url=f"storage:{key}",
            size=7,
            sha256="0" * 64,
            content_type="image/jpeg",
            kind="image",
            facts={"width": 16},
        )
        await self._commit(lease, Outcome.SUCCEEDED, outputs=[output], result=result)

    async def fail(self, lease: Lease) -> None:
        await self._commit(lease, Outcome.FAILED, error=ErrorInfo("corrupt_media", "it is damaged"))

    async def _commit(self, lease: Lease, outcome: Outcome, **fields: Any) -> None:
        commit = Commit(lease.job_id, lease.task, lease.fence, outcome, **fields)
        verdicts = await self.registry.commit([commit])
        assert verdicts[0].accepted

    async def close(self) -> None:
        """End the server and its client."""
        await self.http.aclose()
        await self.services.close()
        await self.registry.stop()

    async def run(self, job_id: str, **result: Any) -> None:
        """Bring a job of one task to a good end."""
        lease = await self.lease()
        assert lease.job_id == job_id
        await self.finish(lease, **result)


MakeHarness = Callable[..., Awaitable[ApiHarness]]
"""`await make_harness(setting=value)`: a harness with those settings."""


async def start_harness(settings: Settings) -> ApiHarness:
    """A harness on the store and storage of `settings`; to be closed."""
    load_operations()
    registry = RegistryService(settings)
    await registry.start()
    counted = CountingRegistry(registry)
    services = Services(
        settings,
        RegistryClient(InProcessLink(counted), settings),
        open_storage(settings),
        Signer("a secret for tests only"),
    )
    transport = httpx2.ASGITransport(app=create_app(services))
    http = httpx2.AsyncClient(transport=transport, base_url=URL)
    return ApiHarness(registry, counted, services, http)
