"""The permissions of HTTP callers for locations: what each may name as input and output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reelyard.actors.jobs.locations import File, ObjectUrl, Stored, shown
from reelyard.actors.jobs.model import Job, State
from reelyard.actors.jobs.object_keys import tenant_prefix
from reelyard.cluster.errors import Forbidden, InvalidInput, NotFound, NotReady, SourceForbidden
from reelyard.cluster.fetching.address_checks import check_addresses, is_address
from reelyard.cluster.settings import Settings

TAKEN = "an http(s) URL, upload:<id>, job:<id>, a file or an object-store URL that is allowed here"
_BLANK = re.compile(r"\s")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_url(text: str, allowed: Sequence[str] = ()) -> str:
    """An http(s) URL as it is. Raises `InvalidInput`; `SourceForbidden` if its host is an address
    that is not public, nor its `host:port` in `allowed`. Names are looked up by the worker.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        # The reason may quote a password that was not written as URLs want it.
        raise InvalidInput(f"{shown(text)} is not a URL") from None
    if not host or _BLANK.search(parts.netloc):
        raise InvalidInput(f"{shown(text)} is not a URL: it names no host")
    if _CONTROL.search(text):
        raise InvalidInput(f"{shown(text)} is not a URL: it has control characters in it")
    if is_address(host):
        check_addresses(host, port, [host], allowed)
    return text


def check_store(place: ObjectUrl, *, admin: bool, settings: Settings) -> str:
    """An object of a store, under one of the operator's prefixes. Raises `SourceForbidden`."""
    text = str(place)
    if ".." in unquote(place.key).split("/"):
        raise InvalidInput(f"{shown(text)}: '..' has no place in an object's name")
    if admin or any(_below(text, prefix) for prefix in settings.input_stores):
        return text
    raise SourceForbidden(
        f"{shown(text)} lies in no object store that this server may use for clients"
    )


def check_file(place: File, *, admin: bool, roots: Sequence[str]) -> str:
    """A path of the server's disk as a `file:` URL. Raises `SourceForbidden`, `InvalidInput`.

    For whoever is no admin it must lie, links resolved, in one of `roots`.
    """
    path = place.local
    if "\0" in place.path or not path.is_absolute():
        raise InvalidInput(f"{shown(place.path)} is neither a URL nor an absolute path")
    if admin:
        return str(File.at(path, folder=place.is_folder))
    real = path.resolve()
    if any(real.is_relative_to(Path(root).expanduser().resolve()) for root in roots):
        return str(File.at(real, folder=place.is_folder))
    raise SourceForbidden(
        f"{shown(place.path)} lies in no folder that this server opens to clients"
    )


def no_source(scheme: str) -> InvalidInput:
    """That nothing is read from locations of that scheme."""
    return InvalidInput(
        f"{scheme}: is no source here; this server takes {TAKEN}", details={"allowed": TAKEN}
    )


def no_destination(scheme: str) -> InvalidInput:
    """That nothing is written to locations of that scheme."""
    return InvalidInput(f"{scheme}: is no destination here")


def output_of(job: Job, name: str) -> str:
    """Where the output `name` of a job lies, or its first one. Raises `NotReady`, `NotFound`."""
    if job.state is not State.SUCCEEDED:
        raise NotReady(f"job {job.id} is {job.state}: it has no output to work on")
    for output in job.outputs:
        if not output.deleted and name in ("", output.name):
            return output.url
    wanted = f"output {name!r}" if name else "output"
    raise NotFound(f"job {job.id} has no {wanted}")


def check_stored(place: Stored, tenant: str, *, admin: bool) -> str:
    """An object of Reelyard's own storage that is the tenant's. Raises `Forbidden`,
    `InvalidInput`."""
    text = str(place)
    key = place.key
    if not key or key.startswith("/") or ".." in key.split("/"):
        raise InvalidInput(f"{shown(text)} names no stored object")
    if not admin and not key.startswith(tenant_prefix(tenant)):
        raise Forbidden(f"{shown(text)} belongs to somebody else")
    return text


def _below(text: str, prefix: str) -> bool:
    stem = prefix.rstrip("/")
    return bool(stem) and (text == stem or text.startswith(f"{stem}/"))
