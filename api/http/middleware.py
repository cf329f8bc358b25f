"""The outermost layer of the app: what is no request, body caps and pace, counters, rate headers,
and the last catch."""

from __future__ import annotations

import time
from contextlib import suppress

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelyard.api.http.auth import address_key
from reelyard.api.http.errors import response_for, unhandled
from reelyard.api.http.rate_limit import rate_headers
from reelyard.api.http.request_rules.body_pace import paced
from reelyard.api.http.request_rules.head_requests import as_get
from reelyard.api.http.request_rules.query_names import warning
from reelyard.api.http.request_rules.single_headers import check_headers
from reelyard.api.http.services import services_of
from reelyard.cluster.errors import BadRequest, TooLarge, Unavailable

log = structlog.get_logger(__name__)

REDIRECTS = (301, 302, 303, 307, 308)
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class RequestMetrics:
    """Counters of this process, by method, route and status; never by job or key."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "reelyard_http_requests",
            "HTTP requests answered by this process",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "reelyard_http_request_seconds",
            "Time to the first byte of the answer",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        # Finding them by their labels costs more than counting does.
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer."""
        place = scope["method"], getattr(scope.get("route"), "path", "other"), status
        if (counters := self._counters.get(place)) is None:
            counters = self._counters[place] = (
                self._requests.labels(*place),
                self._seconds.labels(place[1]),
            )
        counters[0].inc()
        counters[1].observe(seconds)


class RequestMiddleware:
    """ASGI middleware. JSON bodies beyond `max_bytes` get 413, before they are read if the
    client tells their length; `open_paths` take bodies of any size (they count themselves), and
    `form_paths` look at no form's body (they send it on)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: RequestMetrics,
        max_bytes: int | None,
        open_paths: tuple[str, ...] = (),
        form_paths: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._open_paths = open_paths
        self._form_paths = form_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        started = False

        async def outgoing(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if message["status"] in REDIRECTS:
                    _lead_back(message, scope)
                await _add_rate(request, message)
                if (told := warning(scope)) is not None:
                    MutableHeaders(raw=message["headers"])["Warning"] = told
                self._metrics.note(scope, message["status"], time.perf_counter() - began)
            await send(message)

        scope.setdefault("state", {})
        scope, receive, send = as_get(scope, receive, send)
        request = Request(scope)
        receive = paced(receive)
        try:
            try:
                check_headers(scope["headers"])
            except BadRequest as refusal:
                await response_for(refusal, request)(scope, receive, outgoing)
                return
            if self._max_bytes is not None and self._capped(request):
                if _length(request) > self._max_bytes:
                    await response_for(self._too_large(), request)(scope, receive, outgoing)
                    return
                receive = self._counted(receive)
            await self._app(scope, receive, outgoing)
        except ClientDisconnect:
            log.debug("client went away", path=scope["path"])
        except Exception:
            log.exception("unhandled error", method=scope["method"], path=scope["path"])
            if not started:
                await unhandled(request)(scope, receive, outgoing)

    def _capped(self, request: Request) -> bool:
        if request.method in ("GET", "HEAD", "DELETE", "OPTIONS"):
            return False
        path: str = request.scope["path"]
        if path in self._form_paths and is_form(request):
            return False
        return not path.startswith(self._open_paths)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > (self._max_bytes or 0):
                    raise self._too_large()
            return message

        return counting

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"a JSON body takes at most {self._max_bytes} bytes",
            details={"max_bytes": self._max_bytes},
        )


def is_form(request: Request) -> bool:
    """Whether the body is said to be a form with files."""
    return media_type(request) == "multipart/form-data"


def media_type(request: Request) -> str:
    """The body's Content-Type without its parameters; empty if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _length(request: Request) -> int:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


async def _add_rate(request: Request, message: Message) -> None:
    rate = getattr(request.state, "rate", None)
    services = services_of(request)
    limited = bool(services.settings.rate_limit_per_minute)
    if rate is None and limited and request.scope["path"].startswith("/v1/"):
        # Refused before anybody asked whose request it was.
        with suppress(Unavailable):
            rate = await services.registry.accounts.request_rate(address_key(request))
    if rate is not None:
        MutableHeaders(raw=message["headers"]).update(rate_headers(rate))


def _lead_back(message: Message, scope: Scope) -> None:
    """Make a redirect to this server one by path: Starlette builds it from the client's `Host`."""
    headers = MutableHeaders(raw=message["headers"])
    own = f"{scope['scheme']}://{Headers(scope=scope).get('host', '')}/"
    if (place := headers.get("location", "")).startswith(own):
        headers["location"] = "/" + place.removeprefix(own).lstrip("/")
