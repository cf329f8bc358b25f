"""The locations that Dolby.io's bodies name: `dlb://` storage, URLs, buckets."""

from __future__ import annotations

from typing import Any

from reelyard.actors.jobs.locations import Stored
from reelyard.actors.jobs.object_keys import temporary_key, temporary_prefix
from reelyard.api.dolby.bodies import Callback, Destination, Location, Place, StoragePlace
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.cluster.errors import ValidationFailed
from reelyard.cluster.faults import about, wrong

DLB = "dlb://"


def storage_key(url: str, caller: Caller) -> str:
    """Where `dlb://` storage keeps `url`. Raises `ValidationFailed`, `BadRequest`."""
    if not url.startswith(DLB):
        raise _no_name("url", url)
    return dlb_key(caller.tenant, url)


def dlb_key(tenant: str, url: str, field: str = "url") -> str:
    """The key of `dlb://a/b.wav` (or of `a/b.wav`), which came in `field`. Raises
    `ValidationFailed`, `BadRequest`."""
    if not (name := url.removeprefix(DLB).lstrip("/")):
        raise _no_name(field, url)
    with about(field, url):
        return temporary_key(tenant, name)


def _no_name(field: str, url: str) -> ValidationFailed:
    return wrong(field, f"must be {DLB} and a name, not {url[:80]!r}", url, f"{DLB} and a name")


def dlb_names(text: str, tenant: str) -> str:
    """`text` with the tenant's stored objects called by their `dlb://` names."""
    return text.replace(str(Stored(temporary_prefix(tenant))), DLB)


def url_of(place: Location) -> str:
    """The URL of a location as its sender wrote it."""
    return place.url if isinstance(place, Place) else place


async def locate_source(
    place: Location, caller: Caller, services: Services, field: str = "input"
) -> str:
    """The location that a worker opens. Raises as `Services.locate_input`."""
    if isinstance(place, Place):
        refuse_auth(place.auth, field)
    url = url_of(place)
    if url.startswith(DLB):
        return str(Stored(dlb_key(caller.tenant, url, field)))
    return await services.locate_input(url, caller, field)


async def locate_result(url: str, caller: Caller, services: Services, field: str = "output") -> str:
    """The destination that a worker writes. Raises as `Services.locate_output`."""
    if url.startswith(DLB):
        return str(Stored(dlb_key(caller.tenant, url, field)))
    return await services.locate_output(url, caller, field)


def destination_url(destination: str | Destination, storage: list[StoragePlace]) -> str:
    """The URL of an output, looked up in the request's `storage` if it refers to that."""
    if isinstance(destination, str):
        return destination
    refuse_auth(destination.auth, "destination")
    if destination.ref is None:
        if not destination.url:
            raise ValidationFailed("destination: needs a url, or a ref and a filename")
        return destination.url
    bucket = next((entry for entry in storage if entry.id == destination.ref), None)
    if bucket is None or not destination.filename:
        raise ValidationFailed(
            f"destination: ref {destination.ref!r} with a filename must name an entry of storage"
        )
    refuse_auth(bucket.auth, "storage")
    return f"{bucket.bucket.url.rstrip('/')}/{destination.filename.lstrip('/')}"


def refuse_auth(auth: dict[str, Any] | None, where: str) -> None:
    """Raises `ValidationFailed`: secrets in a request would end in the job's record."""
    if auth:
        raise ValidationFailed(
            f"{where}.auth: credentials in a request are not taken; use a presigned URL, or a "
            "store that the operator has configured"
        )


def refuse_callback(callback: Callback | None, path: str) -> None:
    """Raises `ValidationFailed` for `on_complete`."""
    if callback is not None:
        raise ValidationFailed(
            f"on_complete: this version delivers no callbacks; poll GET {path}?job_id= instead"
        )
