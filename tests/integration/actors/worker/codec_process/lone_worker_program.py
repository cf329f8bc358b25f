"""A worker with a codec process and nothing else: `lone_worker_program OPERATIONS TMP_DIR`.

Prints the process id of its codec process, then hangs in it until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from reelyard.actors.worker.codec_process.client import CodecClient
from reelyard.actors.worker.codec_process.options import CodecOptions, configure_message
from reelyard.actors.worker.codec_process.os_process import ChildSpec
from reelyard.cluster.settings import Settings
from tests.integration.actors.worker.codec_process.orders import pid_of, run


async def main() -> None:
    settings = Settings(operations=[sys.argv[1]])
    spec = ChildSpec(configure_message(settings), Path(sys.argv[2]))
    codec = CodecClient(spec, CodecOptions.of(settings, 1))
    print(await pid_of(codec), flush=True)
    await run(codec, "hang")


if __name__ == "__main__":
    asyncio.run(main())
