"""Ray as its own guide starts it, with the least on top: a page served, or one file looked at.

`python -m benchmarks.rivals.bare_ray serve PORT` answers until it is ended;
`python -m benchmarks.rivals.bare_ray probe FILE` starts Ray, runs one task and ends.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from types import FrameType
from typing import NoReturn


def serve_hello(port: int) -> None:
    """An app of Ray Serve that says hello at every path."""
    from ray import serve

    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(serve.deployment(Hello).bind(), name="hello", route_prefix="/")
    print("up", flush=True)
    signal.pause()


class Hello:
    """The app."""

    def __call__(self) -> str:
        """Its only answer."""
        return "hello"


def probe(path: str) -> None:
    """The length of a file, found out by a task."""
    import ray

    print(ray.get(ray.remote(length_s).remote(path)))


def length_s(path: str) -> float:
    """Seconds, by the file's header."""
    import av

    with av.open(path) as container:
        return (container.duration or 0) / av.time_base


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def main() -> None:
    """Start Ray, do the one thing."""
    import ray

    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="ryb", ignore_cleanup_errors=True) as folder:
        ray.init(
            "local",
            _temp_dir=folder,
            object_store_memory=256 << 20,
            log_to_driver=False,
            logging_level="ERROR",
        )
        try:
            what, which = sys.argv[1:]
            serve_hello(int(which)) if what == "serve" else probe(which)
        finally:
            ray.shutdown()


if __name__ == "__main__":
    main()
