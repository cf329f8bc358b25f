"""Our side of a batch: the embedded cluster as `connect()` starts it, with its own settings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks.harness.processes import cpu_s
from benchmarks.harness.runs import Sample
from reelyard import Client, JobView, connect
from reelyard.cluster.settings import Settings


class EmbeddedCluster:
    """A cluster of this process, and a client that submits and waits."""

    def __init__(self, folder: Path) -> None:
        self._client: Client = connect(settings=Settings(data_dir=folder))

    def run(self, operation: str, sources: Sequence[Path], params: Mapping[str, Any]) -> Sample:
        """One job for each source; raises `RuntimeError` unless every one succeeded."""
        used, began = cpu_s(), time.perf_counter()
        ended = self.jobs(operation, sources, params)
        wall = time.perf_counter() - began
        if failed := [job for job in ended if not job.ok]:
            raise RuntimeError(
                f"{len(failed)} failed, as {failed[0].source_url}: {failed[0].error}"
            )
        return Sample(wall, cpu_s() - used, {"rate": len(sources) / wall})

    def jobs(
        self, operation: str, sources: Sequence[Path], params: Mapping[str, Any]
    ) -> list[JobView]:
        """One job for each source, as they ended."""
        jobs = self._client.submit_many(operation, list(sources), params=dict(params))
        return self._client.wait_all(jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
