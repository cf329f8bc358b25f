"""Serve's own words never reach a client of its proxy; those of the apps do."""

from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from reelyard.api.serving.serve_proxy import NotReadyAnswers


async def answer_of(response: Response, path: str, method: str = "GET") -> httpx2.Response:
    """What a client gets where the proxy says `response`."""

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        await response(scope, receive, send)

    transport = httpx2.ASGITransport(NotReadyAnswers(proxy))
    async with httpx2.AsyncClient(transport=transport, base_url="http://media.test") as client:
        return await client.request(method, path)


@pytest.mark.parametrize("status", [404, 500, 503])
@pytest.mark.parametrize(("path", "field"), [("/v1/jobs", "detail"), ("/tasks/1", "kind")])
async def test_serves_own_refusal_becomes_the_dialects(status: int, path: str, field: str) -> None:
    answer = await answer_of(PlainTextResponse("Path not found.", status), path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert field in answer.json()


async def test_a_head_gets_no_body() -> None:
    answer = await answer_of(PlainTextResponse("", 404), "/v1/jobs", "HEAD")
    assert (answer.status_code, answer.content) == (503, b"")


@pytest.mark.parametrize(
    "response",
    [
        JSONResponse({"detail": "no such job"}, 404),
        JSONResponse({"detail": "broken"}, 500),
        PlainTextResponse("reelyard_jobs 1"),
    ],
)
async def test_the_apps_answers_stay(response: Response) -> None:
    answer = await answer_of(response, "/v1/jobs/1")
    assert (answer.status_code, answer.content) == (response.status_code, response.body)
