"""An embedded cluster in a process of its own: `embedded DATA_DIR`; it lives until killed.

Prints its run folder's name when the engine is up, then reads one line: `stop` or nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from actors.engine import start_engine, stop_engine
from cluster.runtime import start_embedded
from tests.integration.actors.worker.engine import engine_settings


def main() -> None:
    settings = engine_settings(Path(sys.argv[1]), operations=[])
    with start_embedded(settings) as cluster:
        start_engine(settings)
        cluster.announce("http://127.0.0.1:1")
        print("up", flush=True)
        sys.stdin.readline()
        stop_engine(settings, grace_s=0.5)


if __name__ == "__main__":
    main()
