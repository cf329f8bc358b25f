"""What Reelyard adds to the configuration that Ray Serve writes for HAProxy 2.8.

Time limits for whoever holds a connection without using it, a cap of connections for each address,
and 503 wherever Serve would say 404 or 500 because nothing answers yet. What waits for an answer,
a long poll or an event stream, has no time limit: only what the client owes is timed.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RETRY_AFTER_S = 2
NOT_ANSWERED = (404, 500, 502, 503, 504)
"""What Serve answers by itself, in plain text, where no app does."""
PATH = "{path}"
"""Stands in a body for the path that was asked for."""
MOST_CONNECTIONS = 20_000
FOR_REPLICAS = 4_500
"""Files that HAProxy needs beside its clients: a connection to a replica for each open request."""
HOPS = 3
"""Trusted proxies in a row that are looked through."""
_SOURCES, _REQUESTS = "reelyard_sources", "reelyard_requests"
# An IPv6 customer has at least 64 bits of addresses.
_SAME_CLIENT = "ipmask(32,64)"
MARK = " # reelyard"
"""At the end of every line that is ours: where Serve's file comes by again, they are replaced."""


@dataclass(frozen=True)
class Edge:
    """What those who serve HTTP say to clients where nothing else can."""

    not_ready: tuple[tuple[tuple[str, ...], str], ...] = ((("/",), "{}"),)
    """Bodies of a 503, in JSON with `PATH` in it: each with the paths that it is for, those below
    them too. The last one is for all that is left."""
    proxy_hook: str | None = None
    """What Serve's own proxy calls at its start, by its import path."""
    controller_hook: str | None = None
    """What Serve's controller calls before it starts any proxy, by its import path."""


@dataclass(frozen=True)
class Limits:
    """How many connections HAProxy takes, and how many of them from one address."""

    connections: int
    per_address: int
    """0: as many as there are."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-For` tells the client's address."""
    head_s: float = 10
    """Time for a request's whole head, counted from the connection or the head's first byte."""
    body_s: float = 10
    """Time for a body of JSON, or its first 16 KiB; the app looks at the pace of what follows."""
    keep_alive_s: float = 60
    """Time that a connection stays open between two requests."""
    silence_s: float = 60
    """Time in which a client must send something of its body, or take something of its answer."""


def limits(per_address: int | None, trusted_proxies: Sequence[str], files: int | None) -> Limits:
    """The limits where a process may have `files` open files (None: any number).

    `per_address` None: half of the connections, so that no single address keeps all others out.
    """
    most = MOST_CONNECTIONS
    if files is not None:
        most = max(min(most, files - min(FOR_REPLICAS, files // 2)), 1)
    own = max(1, most // 2) if per_address is None else per_address
    return Limits(most, own, tuple(trusted_proxies))


def refusal(code: str, message: str) -> str:
    """A body, in JSON, for what HAProxy refuses by itself wherever it is sent to."""
    told = {"detail": message, "code": code, "message": message, "retryable": True, "details": {}}
    return json.dumps(told, separators=(",", ":"))


def open_files() -> int | None:
    """Open files that a process may have; None: any number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard


def global_rules() -> str:
    """For the section `global`."""
    # HAProxy would count two files for each client and refuse to start where so many are not to be
    # had; `FOR_REPLICAS` is what it really needs.
    return _marked(["no strict-limits"])


def frontend_rules(found: Limits, edge: Edge) -> str:
    """For the frontend that clients reach."""
    return _marked(
        [
            f"timeout http-request {_ms(found.head_s)}",
            f"timeout http-keep-alive {_ms(found.keep_alive_s)}",
            f"timeout client {_ms(found.silence_s)}",
            # Browsers open connections ahead of need: no answer where there was no request.
            "option http-ignore-probes",
            *_cap(found),
            *_own_headers(),
            f"http-request disable-l7-retry unless {_SAFE_TO_REPEAT}",
            # What moves bytes may take its time; there, the app alone looks at the pace.
            "acl reelyard_bytes path_beg /api/",
            f"http-request wait-for-body time {_ms(found.body_s)} if !reelyard_bytes",
            *_not_ready_by_path(edge),
            # Serve's own words for what it has no replica for; ours are JSON.
            f"http-response return status 503 {_NOT_READY} if {_BY_SERVE}",
        ]
    )


def unknown_path_rules() -> str:
    """For the backend of paths that no app has: while all start, that is every path."""
    return _marked([f"http-request return status 503 {_NOT_READY}"])


def defaults_rules(error_files: dict[int, str]) -> str:
    """For the section `defaults`: what HAProxy says by itself. `error_files` by status."""
    return _marked(f"errorfile {status} {_quoted(path)}" for status, path in error_files.items())


def backend_rules() -> str:
    """For each backend: nothing there answers."""
    return _marked([f"http-error status {status} {_NOT_READY}" for status in (500, 502, 503, 504)])


def tables() -> str:
    """A file of its own: the counts by address."""
    table = "stick-table type ipv6 size 200k expire 1h store conn_cur"
    return "".join(f"backend {name}\n    {table}\n" for name in (_SOURCES, _REQUESTS))


_BY_SERVE = (
    f"{{ status {' '.join(map(str, NOT_ANSWERED))} }} {{ res.hdr(content-type) -m beg text/plain }}"
)
_SAFE_TO_REPEAT = "{ method GET HEAD OPTIONS } or { req.hdr(idempotency-key) -m found }"
"""Requests of which a second one does no more than the first."""
_NOT_READY = (
    f"content-type application/json hdr Retry-After {RETRY_AFTER_S} hdr Cache-Control no-store "
    'lf-string "%[var(txn.reelyard_not_ready)]"'
)


def _not_ready_by_path(edge: Edge) -> list[str]:
    *others, (_, plain) = edge.not_ready
    lines = [f"http-request set-var-fmt(txn.reelyard_not_ready) {_format(plain)}"]
    for number, (roots, form) in enumerate(others):
        acl = f"reelyard_form_{number}"
        below = " ".join(f"{root}/" for root in roots)
        lines += [
            f"acl {acl} path {' '.join(roots)}",
            f"acl {acl} path_beg {below}",
            f"http-request set-var-fmt(txn.reelyard_not_ready) {_format(form)} if {acl}",
        ]
    return lines


def _format(form: str) -> str:
    """`form` as a quoted HAProxy log format."""
    escaped = form.replace("%", "%%").replace(json.dumps(PATH), '"%[path,json(utf8s)]"')
    return _quoted(escaped)


def _cap(found: Limits) -> list[str]:
    if not found.per_address:
        return []
    trusted = " ".join(found.trusted_proxies)
    unless, lines = "", []
    if trusted:
        lines.append(f"acl reelyard_proxy src {trusted}")
        unless = " if !reelyard_proxy"
    lines += [
        f"tcp-request connection track-sc0 src,{_SAME_CLIENT} table {_SOURCES}{unless}",
        f"tcp-request connection reject if {{ sc0_conn_cur gt {found.per_address} }}",
    ]
    if trusted:
        lines += _cap_behind_proxies(trusted, found.per_address)
    return lines


def _cap_behind_proxies(trusted: str, most: int) -> Iterable[str]:
    """A proxy's connections are many clients': there, each client's open requests are counted.

    The client is the last address that no trusted proxy has; whatever stands before it in the
    header, the client itself may have written.
    """
    client, header = "txn.reelyard_client", "req.hdr_ip(x-forwarded-for,{})"
    yield f"http-request set-var({client}) {header.format(-1)} if reelyard_proxy"
    for hop in range(2, HOPS + 1):
        known = f"{{ var({client}) -m ip {trusted} }} {{ {header.format(-hop)} -m found }}"
        yield f"http-request set-var({client}) {header.format(-hop)} if {known}"
    has = f"{{ var({client}) -m found }}"
    yield f"http-request track-sc1 var({client}),{_SAME_CLIENT} table {_REQUESTS} if {has}"
    body = refusal("rate_limited", "Too many requests at a time from this address.")
    yield (
        f"http-request return status 429 content-type application/json hdr Retry-After "
        f"{RETRY_AFTER_S} string {_quoted(body)} if {{ sc1_conn_cur gt {most} }}"
    )


def _own_headers() -> list[str]:
    """A client has no business with Serve's own request headers: they set time limits, and break
    the replica's code if they are not UTF-8."""
    return [
        "http-request del-header x-request-timeout-seconds",
        "http-request del-header x-request-disconnect-disabled",
        "http-request del-header serve[-_]multiplexed[-_]model[-_]id -m reg",
        "http-request del-header x-request-id if { req.hdr(x-request-id) -m reg [^[:print:]] }",
    ]


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _quoted(text: str) -> str:
    # HAProxy replaces nothing within single quotes.
    return "'" + text.replace("'", "'\\''") + "'"


def _marked(lines: Iterable[str]) -> str:
    return "".join(f"    {line}{MARK}\n" for line in lines)
