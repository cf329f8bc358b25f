"""An embedded cluster in a process of its own: `embedded_cluster_program DATA_DIR`.

Prints `up` once it has run a job, one that fails, then reads one line: `stop` or nothing. It lives
until killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reelyard.actors.engine import start_engine, stop_engine
from reelyard.actors.jobs.model import JobSpec
from reelyard.cluster.runtime.ray_cluster import start_embedded
from tests.integration.actors.worker.running_engine import RunningEngine, engine_settings


def main() -> None:
    settings = engine_settings(Path(sys.argv[1]), operations=[])
    with start_embedded(settings) as cluster:
        start_engine(settings)
        engine = RunningEngine(settings, cluster)
        engine.wait(engine.submit(JobSpec("probe", inputs=["file:///nowhere/clip.mp4"])))
        cluster.announce("http://127.0.0.1:1")
        print("up", flush=True)
        sys.stdin.readline()
        stop_engine(settings, grace_s=0.5)


if __name__ == "__main__":
    main()
