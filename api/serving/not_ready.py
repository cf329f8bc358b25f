"""The answer of a server that starts, or lacks what answers: 503, in each dialect's own form.

HAProxy gives it, and before HAProxy runs the process that starts it. Neither has the apps to ask; a
test holds the forms to theirs.
"""

from __future__ import annotations

import json

from reelyard.cluster.runtime.haproxy_rules import PATH, RETRY_AFTER_S, Edge

PROXY_HOOK = "reelyard.api.serving.serve_proxy.for_serve"
CONTROLLER_HOOK = "reelyard.api.serving.kept_up_proxy.for_serve"
MESSAGE = "The service is not ready; try again shortly."
ROOTS: tuple[tuple[str, ...], ...] = (
    ("/media", "/v1/auth"),
    ("/api/media", "/api/health", "/api/usage"),
    ("/jobs", "/tasks"),
    ("/",),
)
"""The paths of each dialect, those below them too; the last takes what is left."""
FORMS: tuple[dict[str, object], ...] = (
    {
        "type": "urn:reelyard:problem:service_unavailable",
        "title": "Service Unavailable",
        "status": 503,
        "detail": MESSAGE,
        "instance": PATH,
    },
    {"error": MESSAGE, "code": "unknown"},
    {"kind": "service_unavailable", "message": MESSAGE},
    {
        "detail": MESSAGE,
        "code": "service_unavailable",
        "message": MESSAGE,
        "retryable": True,
        "details": {},
    },
)


def edge() -> Edge:
    """What HAProxy and Serve's own proxy are told of the apps behind them."""
    return Edge(
        not_ready=tuple(
            (roots, json.dumps(form, separators=(",", ":")))
            for roots, form in zip(ROOTS, FORMS, strict=True)
        ),
        proxy_hook=PROXY_HOOK,
        controller_hook=CONTROLLER_HOOK,
    )


def body_for(path: str) -> bytes:
    """The body for whoever asked for `path`."""
    for roots, form in edge().not_ready:
        if any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots):
            return form.replace(json.dumps(PATH), json.dumps(path)).encode()
    return form.encode()


def answer_for(path: str) -> bytes:
    """The whole answer, after which the connection ends."""
    body = body_for(path)
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
        f"Retry-After: {RETRY_AFTER_S}\r\nCache-Control: no-store\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
