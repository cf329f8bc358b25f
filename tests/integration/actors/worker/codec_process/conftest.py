"""Clients of real codec processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelyard.actors.worker.codec_process.client import CodecClient
from reelyard.actors.worker.codec_process.options import CodecOptions, configure_message
from reelyard.actors.worker.codec_process.os_process import ChildSpec
from reelyard.cluster.settings import Settings
from tests.integration.actors.worker import misbehaving_operations
from tests.integration.actors.worker.codec_process.orders import MakeCodec

OPERATIONS = misbehaving_operations.__file__


@pytest.fixture
async def make_codec(tmp_path: Path) -> AsyncIterator[MakeCodec]:
    made: list[CodecClient] = []

    def make(
        *, least_life_s: float = 30.0, cpu_s: float | None = None, **settings: Any
    ) -> CodecClient:
        config = Settings(**({"operations": [OPERATIONS], "cancel_grace_s": 0.2} | settings))
        options = CodecOptions.of(config, 1)
        options = replace(
            options,
            least_life_s=least_life_s,
            cpu_s=options.cpu_s if cpu_s is None else cpu_s,
        )
        codec = CodecClient(ChildSpec(configure_message(config), tmp_path), options)
        made.append(codec)
        return codec

    yield make
    for codec in made:
        await codec.close()


@pytest.fixture
def codec(make_codec: MakeCodec) -> CodecClient:
    return make_codec()
