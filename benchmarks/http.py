"""Polls and submits a second over HTTP, against a route of the same app that does nothing.

A real server (Ray Serve as `reelyard up` starts it) with the durable registry, no workers: every
job stays queued, since one that has succeeded is never asked for again. 32 connections, each
polling a job of its own; the no-op is `/livez`. Both sides run in short turns with the same client,
on the same cores as the server.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from functools import partial
from pathlib import Path

import uvloop

from benchmarks.harness.http_server import http_server
from benchmarks.harness.processes import cpu_s
from benchmarks.harness.report import Report, arguments
from benchmarks.harness.runs import Sample, extra, in_turns
from benchmarks.harness.statistics import percentile
from reelyard.cluster.settings import Settings

CONNECTIONS = 32
NOTHING = "no-op"
FIGURES = {"rate": 0, "p50_ms": 1, "p99_ms": 1, "server_us": 0}
"""Of each run, with the digits that mean something."""
TARGETS = {"poll": (0.75, 1.4), "submit": (0.35, 3.0)}
"""To a request that does nothing: least rate, most CPU of the server."""
BODY = json.dumps({"operation": "probe", "url": "http://media.test/clip.mp4"}).encode()


def main() -> None:
    """Run it."""
    options = arguments(
        __doc__,
        proxy={"choices": ["auto", "haproxy", "python"], "default": "auto"},
    )
    seconds, rounds = (1.0, 8) if options.quick else (1.0, 24)
    report = Report("http", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="ryb") as folder:
        settings = Settings(data_dir=Path(folder), port=0, proxy=options.proxy, log_level="error")
        with http_server(settings) as port:
            _measure(report, port, seconds, rounds)
    report.finish()


def _measure(report: Report, port: int, seconds: float, rounds: int) -> None:
    made = asyncio.run(_submit(port, CONNECTIONS))
    nothing = [_request("GET", "/livez")]
    sides = {
        "poll": [_request("GET", f"/v1/jobs/{job_id}") for job_id in made],
        "submit": [_request("POST", "/v1/jobs", BODY)],
    }
    rows: list[list[object]] = []
    for name, requests in sides.items():
        turns = {
            name: partial(_load, port, requests, seconds),
            NOTHING: partial(_load, port, nothing, seconds),
        }
        runs = in_turns(turns, rounds, report.meter)
        for side in turns:
            figures = {key: runs.spread(side, extra(key)) for key in FIGURES}
            rows.append([side, *(spread.text(FIGURES[key]) for key, spread in figures.items())])
            report.figure(f"{name}: {side}", figures)
        rate = runs.ratio(name, NOTHING, extra("rate"))
        used = runs.ratio(name, NOTHING, extra("server_us"))
        rows.append([f"  {name} / no-op", rate.text(), "", "", used.text()])
        least, most = TARGETS[name]
        report.at_least(f"{name}s/s to no-op/s", rate, least)
        report.at_most(f"server CPU of a {name} to that of a no-op", used, most)
    columns = ["route", "requests/s", "p50 ms", "p99 ms", "server CPU us/request"]
    report.table(f"{CONNECTIONS} connections, {rounds} pairs of {seconds:g} s", columns, rows)


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


def _load(port: int, requests: list[bytes], seconds: float) -> Sample:
    return uvloop.run(_run(port, requests, seconds))


async def _run(port: int, requests: list[bytes], seconds: float) -> Sample:
    times: list[float] = []
    everything, own = cpu_s(), time.process_time()
    began = time.perf_counter()
    end = began + seconds
    await asyncio.gather(
        *(
            _client(port, requests[number % len(requests)], end, times)
            for number in range(CONNECTIONS)
        )
    )
    wall = time.perf_counter() - began
    own = time.process_time() - own
    everything = cpu_s() - everything
    return Sample(
        wall,
        everything,
        {
            "rate": len(times) / wall,
            "server_us": (everything - own) / len(times) * 1e6,
            "p50_ms": percentile(times, 50) * 1000,
            "p99_ms": percentile(times, 99) * 1000,
        },
    )


async def _client(port: int, request: bytes, end: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (began := time.perf_counter()) < end:
            writer.write(request)
            status, _, closing = await _answer(reader)
            assert status in (200, 202), status
            times.append(time.perf_counter() - began)
            if closing:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"content-length: ")
    body = await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1]), body, b"connection: close" in head


async def _submit(port: int, count: int) -> list[str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ids = []
    for _ in range(count):
        writer.write(_request("POST", "/v1/jobs", BODY))
        _, body, _ = await _answer(reader)
        ids.append(json.loads(body)["job_id"])
    writer.close()
    return ids


if __name__ == "__main__":
    main()
