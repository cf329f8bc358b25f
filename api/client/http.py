"""The client's transport over HTTP: Reelyard's own API under `/v1`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import stamina

from api.client.request import InputLike, JobRequest, local_url
from api.client.transport import Answer, JobFilter
from api.client.views import JobView, OutputView, chunks, job_view
from cluster.errors import (
    NotFound,
    OutputUnwritable,
    ReelyardError,
    SourceNotFound,
    Unavailable,
    error_from_dict,
)

BATCH = 1000
UPLOAD_CHUNK_BYTES = 8 << 20
#: Ray Serve 2.60 reads a whole body ahead of its handler unless this header says otherwise
_UPLOAD_HEADERS = {"Tus-Resumable": "1.0.0", "x-request-disconnect-disabled": "?1"}


class HttpTransport:
    """Speaks to a server at `url` with an API key (or none, on loopback before the first key).

    `local=True`: the server sees the same disk and trusts this key, so paths are sent as paths;
    otherwise a `Path` given as input is uploaded.
    """

    def __init__(self, url: str, key: str | None = None, *, local: bool = False) -> None:
        self.url = url.rstrip("/")
        self._local = local
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.AsyncClient(
            base_url=self.url, headers=headers, timeout=httpx2.Timeout(60, connect=10)
        )

    async def submit_many(self, requests: Sequence[JobRequest]) -> list[Answer]:
        bodies = [await self._body(item) for item in requests]
        answers: list[Answer] = []
        for batch in chunks(bodies, BATCH):
            data = await self._call("POST", "/v1/jobs:batch", json={"jobs": list(batch)})
            answers.extend(_answer(item) for item in data["results"])
        return answers

    async def _body(self, item: JobRequest) -> dict[str, Any]:
        inputs = [await self._location(source) for source in item.inputs]
        body: dict[str, Any] = {
            "operation": item.operation,
            "inputs": inputs,
            "params": item.params,
            "priority": item.priority,
            "metadata": item.metadata,
        }
        if item.output is not None:
            body["output"] = local_url(item.output) if self._local else os.fspath(item.output)
        if item.pool is not None:
            body["pool"] = item.pool
        if item.idempotency_key is not None:
            body["idempotency_key"] = item.idempotency_key
        return body

    async def _location(self, source: InputLike) -> str:
        if self._local:
            return local_url(source)
        return source if isinstance(source, str) else await self.upload(Path(source))

    async def upload(self, path: Path) -> str:
        """Send a file with the tus protocol, going on where a broken connection stopped.

        Returns the input location of the upload. Raises `SourceNotFound`.
        """
        if not await asyncio.to_thread(path.is_file):
            raise SourceNotFound(f"{path} is not a file")
        size = (await asyncio.to_thread(path.stat)).st_size
        created = await self._call(
            "POST",
            "/v1/uploads",
            json={"filename": path.name, "size": size},
        )
        place = urljoin(self.url + "/", created["url"])
        offset = 0
        while offset < size:
            offset = await self._upload_part(path, place, offset)
        return f"upload:{created['upload_id']}/{path.name}"

    async def _upload_part(self, path: Path, place: str, offset: int) -> int:
        chunk = await asyncio.to_thread(_read_at, path, offset, UPLOAD_CHUNK_BYTES)
        headers = _UPLOAD_HEADERS | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        try:
            answer = await self._http.patch(place, content=chunk, headers=headers)
        except httpx2.TransportError:
            answer = await self._http.head(place, headers={"Tus-Resumable": "1.0.0"})
        if answer.status_code not in (200, 204):
            raise _error(answer)
        return int(answer.headers["Upload-Offset"])

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        found: dict[str, JobView] = {}
        for batch in chunks(list(job_ids), BATCH):
            data = await self._call("POST", "/v1/jobs:batchGet", json={"job_ids": list(batch)})
            found.update({item["job_id"]: job_view(item) for item in data["items"]})
        return found

    async def wait(self, job_id: str, timeout_s: float) -> JobView:
        return job_view(
            await self._call("GET", f"/v1/jobs/{job_id}", params={"wait": f"{timeout_s:.3f}"})
        )

    async def page(
        self, which: JobFilter, limit: int, cursor: str | None
    ) -> tuple[list[JobView], str | None]:
        params: dict[str, str] = {"limit": str(limit)}
        asked = {
            "state": which.state,
            "job_type": which.operation,
            "input": which.input,
            "created_after": which.created_after,
            "created_before": which.created_before,
            "cursor": cursor,
        }
        params |= {name: value for name, value in asked.items() if value is not None}
        data = await self._call("GET", "/v1/jobs", params=params)
        return [job_view(item) for item in data["items"]], data["next_cursor"]

    async def cancel_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        return {job_id: await self._change(job_id, "cancel") for job_id in job_ids}

    async def retry_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        return {job_id: await self._change(job_id, "retry") for job_id in job_ids}

    async def _change(self, job_id: str, verb: str) -> Answer:
        try:
            return job_view(await self._call("POST", f"/v1/jobs/{job_id}/{verb}"))
        except ReelyardError as error:
            return error

    async def overview(self) -> dict[str, Any]:
        overview: dict[str, Any] = await self._call("GET", "/v1/admin/overview")
        return overview

    async def create_key(
        self, tenant: str, name: str, *, admin: bool, credits: int | None
    ) -> dict[str, Any]:
        body = {"tenant": tenant, "name": name, "admin": admin, "credits": credits}
        created: dict[str, Any] = await self._call("POST", "/v1/admin/keys", json=body)
        return created

    async def list_keys(self) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = (await self._call("GET", "/v1/admin/keys"))["items"]
        return keys

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        revoked: dict[str, Any] = await self._call("DELETE", f"/v1/admin/keys/{key_id}")
        return revoked

    async def download(self, output: OutputView, path: Path) -> None:
        await save_url(self._http, urljoin(self.url + "/", output.url), path)

    async def close(self) -> None:
        await self._http.aclose()

    async def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        # Reads may be repeated freely; a submit carries keys of its own where that matters.
        repeat = method == "GET" or path.endswith(":batchGet")
        async for attempt in stamina.retry_context(
            on=Unavailable, attempts=6 if repeat else 1, timeout=15, wait_initial=0.2
        ):
            with attempt:
                return await self._call_once(method, path, **kwargs)
        raise AssertionError("stamina returns or raises")

    async def _call_once(self, method: str, path: str, **kwargs: Any) -> Any:
        try:
            answer = await self._http.request(method, path, **kwargs)
        except httpx2.ConnectError as error:
            raise Unavailable(f"no server answers at {self.url}") from error
        except httpx2.TransportError as error:
            raise Unavailable(f"the connection to {self.url} broke: {error}") from error
        if answer.status_code >= 400:
            raise _error(answer)
        return answer.json()


def _answer(item: dict[str, Any]) -> Answer:
    if "job_id" in item:
        return job_view(item)
    return error_from_dict(item["error"])


def _error(answer: httpx2.Response) -> ReelyardError:
    """What a server's error answer says, as an exception of the class that its code names."""
    try:
        body = answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return Unavailable(f"the server answered {answer.status_code}")
    detail = body.get("detail")
    message = body.get("message") or (detail if isinstance(detail, str) else json.dumps(detail))
    if answer.status_code == 404 and "code" not in body:
        return NotFound(message)
    return error_from_dict({"code": body.get("code"), "message": message, "details": body})


async def save_url(http: httpx2.AsyncClient, url: str, path: Path) -> None:
    """Download `url` to `path`, which appears whole or not at all. Raises `OutputUnwritable`."""
    part = path.with_name(path.name + ".part")
    try:
        async with http.stream("GET", url, follow_redirects=True) as answer:
            if answer.status_code != 200:
                await answer.aread()
                raise _error(answer)
            await _write(part, answer.aiter_bytes(1 << 20))
        await asyncio.to_thread(part.replace, path)
    except OSError as error:
        raise OutputUnwritable(f"{path} can't be written: {error.strerror}") from error
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)


def _read_at(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


async def _write(path: Path, data: AsyncIterator[bytes]) -> None:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async for chunk in data:
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)
