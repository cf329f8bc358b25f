"""The client's transport over HTTP: Reelyard's own API under `/v1`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from reelyard.actors.jobs.locations import Upload
from reelyard.api.client.answers import error_of, json_of
from reelyard.api.client.files import copy_file, read_at, save_url
from reelyard.api.client.request import InputLike, JobRequest, body_of, local_url
from reelyard.api.client.transport import Answer, JobFilter
from reelyard.api.client.views import JobView, OutputView, accepted_view, chunks, job_view
from reelyard.cluster.errors import (
    Conflict,
    NotFound,
    ReelyardError,
    SourceNotFound,
    SourceUnreadable,
    Unauthorized,
    Unavailable,
    ValidationFailed,
    error_from_dict,
)
from reelyard.cluster.readable_text import readable

BATCH = 1000
#: largest request body of a batch; servers take 8 MiB unless set otherwise
BATCH_BYTES = 4 << 20
#: calls about single jobs that go side by side
PARALLEL = 16
#: reads are tried again for so long when no server answers
PATIENCE_S = 10.0
#: an upload is given up after so many pieces in turn of which nothing arrived
UPLOAD_TRIES = 5
UPLOAD_CHUNK_BYTES = 8 << 20
#: Ray Serve 2.60 reads a whole body ahead of its handler unless this header says otherwise
_UPLOAD_HEADERS = {"Tus-Resumable": "1.0.0", "x-request-disconnect-disabled": "?1"}


class HttpTransport:
    """Speaks to a server at `url` with an API key (or none, on loopback before the first key).

    `local=True`: the server sees the same disk and trusts this key, so paths are sent as paths;
    otherwise a `Path` given as input is uploaded.
    """

    def __init__(self, url: str, key: str | None = None, *, local: bool = False) -> None:
        self.url = check_url(url)
        self._local = local
        headers = {"Authorization": f"Bearer {check_key(key)}"} if key else {}
        self._http = httpx2.AsyncClient(
            base_url=self.url, headers=headers, timeout=httpx2.Timeout(60, connect=10)
        )

    async def submit_many(self, requests: Sequence[JobRequest]) -> list[Answer]:
        answers: list[Answer] = []
        sent: dict[tuple[InputLike, str | None], str] = {}
        for batch in chunks(requests, BATCH):
            bodies = [await self._body_or_refusal(item, sent) for item in batch]
            taken: list[Answer] = []
            for part in packed([body for body in bodies if isinstance(body, dict)]):
                data = await self._call("POST", "/v1/jobs:batch", json={"jobs": part})
                taken.extend(map(_answer, data["results"], part))
            rest = iter(taken)
            answers.extend(next(rest) if isinstance(body, dict) else body for body in bodies)
        return answers

    async def _body_or_refusal(
        self, item: JobRequest, sent: dict[tuple[InputLike, str | None], str]
    ) -> dict[str, Any] | ReelyardError:
        try:
            body = await self._body(item, sent)
            msgspec.json.encode(body)
        except ReelyardError as error:
            if error.retryable or isinstance(error, Unauthorized):
                raise  # the server's answer to whatever is sent
            return error  # a file that can't be sent
        except (UnicodeEncodeError, TypeError) as error:
            return ValidationFailed(f"the job can't be written as JSON: {error}")
        return body

    async def _body(
        self, item: JobRequest, sent: dict[tuple[InputLike, str | None], str]
    ) -> dict[str, Any]:
        """The request's JSON; `sent` holds where the files are that were uploaded already."""
        inputs = []
        for source in item.inputs:
            known = (source, item.idempotency_key)
            if known not in sent:
                sent[known] = await self._location(*known)
            inputs.append(sent[known])
        output = local_url(item.output) if self._local and item.output is not None else item.output
        return body_of(item, inputs, output)

    async def _location(self, source: InputLike, key: str | None) -> str:
        if self._local:
            return local_url(source)
        return source if isinstance(source, str) else await self.upload(Path(source), key)

    async def upload(self, path: Path, key: str | None = None) -> str:
        """Send a file with the tus protocol, going on where a broken connection stopped.

        The same file with the same `key` is one upload, so that the request that names it is the
        same too. Returns the input location of the upload. Raises `SourceNotFound`,
        `SourceUnreadable`, `Unavailable`.
        """
        try:
            info = await asyncio.to_thread(path.stat)
            if not await asyncio.to_thread(path.is_file):
                raise SourceUnreadable(f"{path} is not a file")
            created = await self._create_upload(path, info, key)
            place = urljoin(self.url + "/", created["url"])
            offset = 0 if key is None else await self._uploaded(place)
            tries = 0
            while offset < info.st_size:
                reached = await self._upload_part(path, place, offset)
                tries = 0 if reached > offset else tries + 1
                if tries == UPLOAD_TRIES:
                    raise Unavailable(f"{path} can't be uploaded: {self.url} takes none of it")
                offset = reached
        except FileNotFoundError:
            raise SourceNotFound(f"{path} does not exist") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceUnreadable(f"{path} can't be read: {reason}") from error
        return str(Upload(created["upload_id"], readable(path.name)))

    async def _create_upload(
        self, path: Path, info: os.stat_result, key: str | None
    ) -> dict[str, Any]:
        body = {"filename": readable(path.name), "size": info.st_size}
        headers = {}
        if key is not None:
            file = [path.name, info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns]
            whole = json.dumps([key, *file]).encode()
            headers["Idempotency-Key"] = hashlib.sha256(whole).hexdigest()
        created: dict[str, Any] = await self._call(
            "POST", "/v1/uploads", json=body, headers=headers
        )
        return created

    async def _uploaded(self, place: str) -> int:
        """Bytes of an upload that have arrived."""
        answer = await self._send("HEAD", place, headers={"Tus-Resumable": "1.0.0"})
        return int(answer.headers["Upload-Offset"])

    async def _upload_part(self, path: Path, place: str, offset: int) -> int:
        chunk = await asyncio.to_thread(read_at, path, offset, UPLOAD_CHUNK_BYTES)
        headers = _UPLOAD_HEADERS | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        try:
            answer = await self._http.patch(place, content=chunk, headers=headers)
        except httpx2.TransportError:
            return await self._uploaded(place)
        if answer.status_code == Conflict.http_status:
            # Another process sends the same file with the same key, or an earlier try got on.
            return await self._uploaded(place)
        if answer.status_code != 204:
            raise error_of(answer)
        return int(answer.headers["Upload-Offset"])

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        found: dict[str, JobView] = {}
        for batch in chunks(list(job_ids), BATCH):
            data = await self._call("POST", "/v1/jobs:batchGet", json={"job_ids": list(batch)})
            found.update({item["job_id"]: job_view(item) for item in data["items"]})
        return found

    async def wait(self, job_id: str, timeout_s: float) -> JobView:
        with _naming(job_id=job_id):
            wait = {"wait": f"{timeout_s:.3f}"}
            return job_view(await self._call("GET", _job_path(job_id), params=wait))

    async def page(
        self, which: JobFilter, limit: int, cursor: str | None
    ) -> tuple[list[JobView], str | None]:
        asked = {
            "limit": str(limit),
            "state": which.state,
            "job_type": which.operation,
            "input": which.input,
            "created_after": _iso(which.created_from_ms),
            "created_before": _iso(which.created_to_ms),
            "cursor": cursor,
        }
        params = {name: value for name, value in asked.items() if value is not None}
        data = await self._call("GET", "/v1/jobs", params=params)
        # A list tells of each job in short, without its outputs.
        ids = [item["job_id"] for item in data["items"]]
        whole = await self.get_many(ids)
        return [whole[job_id] for job_id in ids if job_id in whole], data["next_cursor"]

    async def cancel_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        return await self._change_many(job_ids, "cancel")

    async def retry_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        return await self._change_many(job_ids, "retry")

    async def _change_many(self, job_ids: Sequence[str], verb: str) -> dict[str, Answer]:
        room = asyncio.Semaphore(PARALLEL)

        async def change(job_id: str) -> Answer:
            async with room:
                try:
                    with _naming(job_id=job_id):
                        return job_view(await self._call("POST", f"{_job_path(job_id)}/{verb}"))
                except Unavailable:
                    raise
                except ReelyardError as error:
                    return error

        ids = list(dict.fromkeys(job_ids))
        return dict(zip(ids, await asyncio.gather(*map(change, ids)), strict=True))

    async def overview(self) -> dict[str, Any]:
        overview: dict[str, Any] = await self._call("GET", "/v1/admin/overview")
        return overview

    async def create_key(self, key: dict[str, Any]) -> dict[str, Any]:
        created: dict[str, Any] = await self._call("POST", "/v1/admin/keys", json=key)
        return created

    async def rotate_key(self, key_id: str, overlap_s: float) -> dict[str, Any]:
        with _naming(key_id=key_id):
            path = f"/v1/admin/keys/{_in_path('API key', key_id)}/rotate"
            fresh: dict[str, Any] = await self._call("POST", path, json={"overlap_s": overlap_s})
            return fresh

    async def list_keys(self) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = (await self._call("GET", "/v1/admin/keys"))["items"]
        return keys

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        with _naming(key_id=key_id):
            path = f"/v1/admin/keys/{_in_path('API key', key_id)}"
            revoked: dict[str, Any] = await self._call("DELETE", path)
            return revoked

    async def download(self, output: OutputView, path: Path) -> None:
        if self._local and (found := output.path) is not None:
            await asyncio.to_thread(copy_file, found, path)
        else:
            await save_url(self._http, urljoin(self.url + "/", output.url), path)

    async def close(self) -> None:
        await self._http.aclose()

    async def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        # Reads may be repeated freely; a submit carries keys of its own where that matters.
        repeat = method == "GET" or path.endswith(":batchGet")
        end, delay = time.monotonic() + PATIENCE_S, 0.1
        while True:
            try:
                return json_of(await self._send(method, path, **kwargs))
            except Unavailable:
                if not repeat or time.monotonic() + delay >= end:
                    raise
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))
            delay = min(delay * 2, 2.0)

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx2.Response:
        """The answer to a request. Raises what an error answer says, and `Unavailable`."""
        try:
            answer = await self._http.request(method, path, **kwargs)
        except httpx2.ConnectError as error:
            raise Unavailable(f"no server answers at {self.url}") from error
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"the connection to {self.url} broke: {reason}") from error
        if answer.status_code >= 400:
            raise error_of(answer)
        return answer


def check_url(url: str) -> str:
    """A server's URL without its last slash. Raises `ValidationFailed`."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValidationFailed(f"{url!r} is no server's URL; it begins with http:// or https://")
    return url.rstrip("/")


def check_key(key: str) -> str:
    """An API key without the line's end that reading it from a file may leave. Raises
    `ValidationFailed`, which does not show it."""
    key = key.strip()
    if not (key.isascii() and key.isprintable()):
        raise ValidationFailed("key: an API key has no control characters and nothing beyond ASCII")
    return key


def packed(bodies: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """`bodies` in turn, as lists that a server takes in one request."""
    part: list[dict[str, Any]] = []
    room = BATCH_BYTES
    for body in bodies:
        size = len(msgspec.json.encode(body))
        if part and size > room:
            yield part
            part, room = [], BATCH_BYTES
        part.append(body)
        room -= size
    if part:
        yield part


def _job_path(job_id: str) -> str:
    return f"/v1/jobs/{_in_path('job', job_id)}"


def _in_path(what: str, id: str) -> str:
    # Anything else would be another path.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", id):
        raise NotFound(f"there is no {what} {id!r}")
    return id


@contextmanager
def _naming(**what: str) -> Iterator[None]:
    """Let a `NotFound` name in its details what was asked for, which the answer does not."""
    try:
        yield
    except NotFound as error:
        error.details = what | error.details
        raise


def _iso(ms: int | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def _answer(item: dict[str, Any], sent: dict[str, Any]) -> Answer:
    if "job_id" in item:
        return accepted_view(item, sent["params"])
    return error_from_dict(item["error"])
