"""What a request handler works with, built once for each process."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request

from actors.jobs.ids import parse_id
from actors.jobs.model import State
from api.auth import Caller, OperatorToken
from api.locations import (
    STORES,
    TAKEN,
    check_path,
    check_store,
    check_stored,
    check_url,
    scheme_of,
)
from api.rate_limit import RateLimiter
from api.registry_client import RegistryClient
from api.signing import Signer
from cluster.errors import Forbidden, InvalidInput, NotFound, NotReady
from cluster.settings import Settings
from cluster.storage import Storage, Uploads


@dataclass
class Services:
    """The parts behind every route. `caller` and `services` are the dependencies for them."""

    settings: Settings
    registry: RegistryClient
    storage: Storage
    signer: Signer
    operator: OperatorToken = field(init=False)
    uploads: Uploads = field(init=False)
    limiter: RateLimiter | None = field(init=False)

    def __post_init__(self) -> None:
        self.operator = OperatorToken(self.settings)
        self.uploads = Uploads(
            self.storage,
            max_bytes=self.settings.max_upload_bytes,
            life_s=self.settings.upload_retention_hours * 3600,
        )
        per_minute = self.settings.rate_limit_per_minute
        self.limiter = RateLimiter(per_minute, self.settings.store) if per_minute else None

    async def close(self) -> None:
        """Let go of what runs in the background."""
        await self.registry.close()

    # --- locations ---

    async def locate_input(self, text: str, caller: Caller) -> str:
        """The location that a worker opens for the input `text`.

        Takes http(s) URLs, `upload:<id>`, `job:<id>[/<name>]` (an output of an earlier job),
        `storage:<key>`, object-store URLs and, where allowed, files. Raises `InvalidInput`,
        `SourceForbidden`, `Forbidden`, `NotFound`, `NotReady`.
        """
        text = text.strip()
        match scheme_of(text):
            case "http" | "https":
                return check_url(text)
            case "upload":
                return await self.locate_upload(text.removeprefix("upload:"), caller)
            case "job":
                return await self._locate_result(text.removeprefix("job:"), caller)
            case "storage":
                return check_stored(text, caller.tenant, admin=caller.admin)
            case scheme if scheme in STORES:
                return check_store(text, admin=caller.admin, settings=self.settings)
            case "" | "file":
                return check_path(text, admin=caller.admin, roots=self.settings.input_roots)
            case scheme:
                raise InvalidInput(f"{scheme}: is no source here; this server takes {TAKEN}")

    async def locate_output(self, text: str, caller: Caller) -> str:
        """The destination that a worker writes for `text`: a presigned http(s) URL, an object
        store that the operator allows, or (admin) a file. Raises as `locate_input`."""
        text = text.strip()
        match scheme_of(text):
            case "http" | "https":
                return check_url(text)
            case "storage":
                return check_stored(text, caller.tenant, admin=caller.admin)
            case scheme if scheme in STORES:
                return check_store(text, admin=caller.admin, settings=self.settings)
            case "" | "file":
                if not caller.admin:
                    raise Forbidden("output: only an admin's key may write to the server's disk")
                return check_path(text, admin=True, roots=())
            case scheme:
                raise InvalidInput(f"output: {scheme}: is no destination here")

    async def locate_upload(self, upload_id: str, caller: Caller) -> str:
        """A finished upload. Raises `NotFound`, `Gone`, `NotReady`."""
        upload = await self.uploads.find(caller.tenant, upload_id)
        if not upload.complete:
            raise NotReady(
                f"upload {upload_id} is not finished: {upload.offset} of {upload.length} bytes "
                "have arrived"
            )
        return upload.location

    async def _locate_result(self, text: str, caller: Caller) -> str:
        job_id, _, name = text.partition("/")
        job = await self.registry.get(parse_id(job_id) or job_id, caller.scope)
        if job.state is not State.SUCCEEDED:
            raise NotReady(f"job {job_id} is {job.state}: it has no output to work on")
        for output in job.outputs:
            if not output.deleted and name in ("", output.name):
                return output.url
        wanted = f"output {name!r}" if name else "output"
        raise NotFound(f"job {job_id} has no {wanted}")

    # --- URLs ---

    def base_url(self, request: Request) -> str:
        """The URL under which the client reaches this server, without a final slash."""
        if self.settings.public_url:
            return self.settings.public_url.rstrip("/")
        scope = request.scope
        host = request.headers.get("host") or f"{self.settings.host}:{self.settings.port}"
        return f"{scope.get('scheme', 'http')}://{host}"
