"""The services behind every route, built once for each app."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from starlette.requests import Request

from reelyard.actors.jobs.ids import parse_id
from reelyard.actors.jobs.locations import (
    CLIENT_STORE_SCHEMES,
    File,
    JobOutput,
    ObjectUrl,
    Stored,
    Upload,
    WebUrl,
    parse_location,
    scheme_of,
    stored_key,
)
from reelyard.actors.jobs.model import Job, OutputFile
from reelyard.actors.jobs.object_keys import uploads_prefix
from reelyard.actors.jobs.traceback_visibility import sees_traceback
from reelyard.api.http.caller import Caller, OperatorToken
from reelyard.api.http.locations import (
    check_file,
    check_store,
    check_stored,
    check_url,
    no_destination,
    no_source,
    output_of,
)
from reelyard.api.http.public_address import link_base
from reelyard.api.http.signing import FileGrant, Signer
from reelyard.api.registry_client.client import RegistryClient
from reelyard.cluster.errors import Forbidden, InvalidInput, NotReady
from reelyard.cluster.faults import about
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage, Uploads, open_storage

PATIENCE_S = 2.5
"""A request whose registry is away or silent is answered within 3 s: its client, which can wait as
it likes, then knows."""


@dataclass
class Services:
    """What stands behind every route, built once for each app."""

    settings: Settings
    registry: RegistryClient
    storage: Storage
    signer: Signer
    operator: OperatorToken = field(init=False)
    uploads: Uploads = field(init=False)

    def __post_init__(self) -> None:
        self.operator = OperatorToken(self.settings)
        self.uploads = Uploads(
            self.storage,
            uploads_prefix,
            max_bytes=self.settings.max_upload_bytes,
            life_s=self.settings.upload_retention_hours * 3600,
        )

    async def close(self) -> None:
        """Let go of what runs in the background."""
        await self.registry.close()

    # --- locations ---

    async def locate_input(self, text: str, caller: Caller, field: str = "input") -> str:
        """The location that a worker opens for the input `text`.

        Takes http(s) URLs, `upload:<id>[/<name>]`, `job:<id>[/<name>]` (an earlier job's output),
        `storage:<key>`, object-store URLs and, where allowed, files. Raises `InvalidInput`,
        `SourceForbidden`, `Forbidden`, `NotFound`, `NotReady`, which name the `field` that it was
        sent in.
        """
        with about(field, text):
            return await self._locate_input(text.strip(), caller)

    async def _locate_input(self, text: str, caller: Caller) -> str:
        match place := parse_location(text):
            case WebUrl(url):
                return check_url(url, self.settings.fetch_allow_hosts)
            case Upload(upload_id):
                return await self.locate_upload(upload_id, caller)
            case JobOutput():
                return await self._locate_result(place, caller)
            case Stored():
                return check_stored(place, caller.tenant, admin=caller.admin)
            case ObjectUrl() if place.scheme in CLIENT_STORE_SCHEMES:
                return check_store(place, admin=caller.admin, settings=self.settings)
            case File():
                return check_file(place, admin=caller.admin, roots=self.settings.input_roots)
        raise no_source(scheme_of(text))

    async def locate_output(self, text: str, caller: Caller, field: str = "output") -> str:
        """The destination that a worker writes for `text`: a presigned http(s) URL, an object
        store that the operator allows, or (admin) a file. Raises as `locate_input`."""
        with about(field, text):
            return self._locate_output(text.strip(), caller)

    def _locate_output(self, text: str, caller: Caller) -> str:
        match place := parse_location(text):
            case WebUrl(url):
                return check_url(url, self.settings.fetch_allow_hosts)
            case Stored():
                return check_stored(place, caller.tenant, admin=caller.admin)
            case ObjectUrl() if place.scheme in CLIENT_STORE_SCHEMES:
                return check_store(place, admin=caller.admin, settings=self.settings)
            case File():
                if not caller.admin:
                    raise Forbidden("only an admin's key may write to the server's disk")
                return check_file(place, admin=True, roots=())
        raise no_destination(scheme_of(text))

    async def locate_upload(self, upload_id: str, caller: Caller) -> str:
        """A finished upload. Raises `NotFound`, `Gone`, `NotReady`, `InvalidInput`."""
        upload = await self.uploads.find(caller.tenant, upload_id)
        if upload.partial:
            raise InvalidInput(
                f"upload {upload_id} is a part of another one: name the upload that it was joined "
                "into"
            )
        if not upload.complete:
            of = "an unknown number of" if upload.length is None else upload.length
            raise NotReady(
                f"upload {upload_id} is not finished: {upload.offset} of {of} bytes have arrived"
            )
        return str(Stored(upload.prefix))

    async def _locate_result(self, place: JobOutput, caller: Caller) -> str:
        job = await self.registry.get(parse_id(place.job_id) or place.job_id, caller.scope)
        return output_of(job, place.name)

    def sees_traceback(self, caller: Caller, job: Job) -> bool:
        """Whether `caller` may read where in the code `job` failed."""
        return sees_traceback(
            admin=caller.admin,
            owner=caller.tenant == job.tenant,
            embedded=self.settings.ray_address is None,
        )

    # --- URLs ---

    def base_url(self, request: Request) -> str:
        """The URL under which the client reaches this server, without a final slash."""
        scheme = request.scope.get("scheme", "http")
        return link_base(self.settings, scheme, request.headers.get("host"))

    async def download_url(self, request: Request, job: Job, output: OutputFile) -> str:
        """A URL that whoever has it can fetch until it expires; for an output that lies outside
        Reelyard's own storage, its location."""
        if (key := stored_key(output.url)) is None:
            return output.url
        ttl_s = float(self.settings.url_ttl_s)
        if job.outputs_expire_ms is not None:
            ttl_s = max(1.0, min(ttl_s, job.outputs_expire_ms / 1000 - time.time()))
        return await self.object_url(
            request,
            key,
            filename=output.name,
            content_type=output.content_type,
            ttl_s=ttl_s,
        )

    async def object_url(
        self,
        request: Request,
        key: str,
        *,
        filename: str = "",
        content_type: str = "",
        ttl_s: float | None = None,
    ) -> str:
        """A signed GET URL of a stored object: the store's own where it signs, else ours."""
        life_s = self.settings.url_ttl_s if ttl_s is None else ttl_s
        name = filename or key.rpartition("/")[2]
        if (url := await self.storage.sign("GET", key, math.ceil(life_s), name)) is not None:
            return url
        grant = FileGrant(method="GET", key=key, filename=name, content_type=content_type)
        return f"{self.base_url(request)}/api/files/{self.signer.sign_file(grant, life_s)}"

    async def upload_url(self, request: Request, key: str, ttl_s: float | None = None) -> str:
        """A signed PUT URL of an object to be: the store's own where it signs, else ours."""
        life_s = self.settings.url_ttl_s if ttl_s is None else ttl_s
        if (url := await self.storage.sign("PUT", key, math.ceil(life_s))) is not None:
            return url
        grant = FileGrant(method="PUT", key=key)
        return f"{self.base_url(request)}/api/files/{self.signer.sign_file(grant, life_s)}"


@dataclass(frozen=True)
class ServicesFactory:
    """Builds services that need the cluster, at the start-up of the app that uses them."""

    settings: Settings

    async def build(self) -> Services:
        """The services of a process that is connected to the cluster's Ray.

        Raises `Unavailable` while the registry can't be reached, `BadRequest` for a wrong setting.
        """
        registry = RegistryClient.over_ray(self.settings, PATIENCE_S, PATIENCE_S)
        secret = self.settings.signing_secret or await self._signing_secret()
        return Services(self.settings, registry, open_storage(self.settings), Signer(secret))

    async def _signing_secret(self) -> str:
        # No request waits yet, and the registry may be starting beside this process.
        patient = RegistryClient.over_ray(self.settings)
        return await patient.accounts.secret("signing")


def services_of(request: Request) -> Services:
    """The services of the app that serves this request."""
    found: Services = request.app.state.services
    return found


async def get_services(request: Request) -> Services:
    """FastAPI dependency: the services of this app."""
    # Not a plain function: FastAPI would run it in a thread, at a third of a request's cost.
    return services_of(request)
