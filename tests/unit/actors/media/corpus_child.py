"""A child process that probes (or transcodes) the files named on standard input; a JSON line for
each.

A limit on memory is set before anything is decoded; the parent watches the time.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

MEMORY_BYTES = 3 << 30


def shrink(path: Path) -> None:
    """A tiny video of the first two seconds; fails if a failed try leaves a file."""
    from reelyard.actors.media.operation import Source, Work
    from reelyard.actors.media.operations.transcode import TranscodeParams, transcode

    params = TranscodeParams(format="mkv", preset="ultrafast", height=64, end=2)
    with tempfile.TemporaryDirectory() as folder:
        try:
            transcode(Work([Source(path, path.name)], params, Path(folder), threads=2))
        finally:
            left = list(Path(folder).iterdir())
            assert not left or sys.exc_info()[0] is None


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    from reelyard.actors.media.codec.probe import probe_media
    from reelyard.cluster.errors import MediaError

    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        began = time.monotonic()
        answer: dict[str, object] = {"path": str(path)}
        try:
            if sys.argv[1:] == ["transcode"]:
                shrink(path)
            else:
                answer["info"] = probe_media(path, check=True).as_dict()
        except MediaError as error:
            answer["error"] = error.code
        answer["seconds"] = time.monotonic() - began
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
