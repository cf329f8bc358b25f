"""Spools of PCM audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reelyard.actors.media.audio.pcm.blocks import PcmFormat
from reelyard.actors.media.audio.pcm.spool import PcmSpool
from reelyard.cluster.errors import OutputUnwritable
from tests.unit.actors.media.audio.audio_samples import noise


def test_a_spool_gives_back_what_was_written_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcm"
    samples = noise(-20, 1.5, channels=2)
    with PcmSpool(path, PcmFormat(48_000, "stereo", 2), "x") as spool:
        spool.write(samples[:, :100])
        spool.write(samples[:, 100:])
        assert np.array_equal(np.concatenate(list(spool.blocks()), axis=1), samples)
        spool.drop()
        assert path.stat().st_size == 0
    assert not path.exists()


def test_a_spool_in_a_folder_that_is_not_there_is_unwritable(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match="voice"):
        PcmSpool(tmp_path / "no" / "x.pcm", PcmFormat(48_000, "mono", 1), "voice.mp3")
