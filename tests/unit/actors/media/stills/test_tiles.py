"""Photos stored as tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reelyard.actors.media.codec.headers.heif import read_photo
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.stills.tiles import tiled_photo
from reelyard.cluster.errors import (
    CorruptMedia,
)
from tests.paths import CORPUS
from tests.unit.actors.media.images import run_image


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_a_photo_made_of_tiles_is_put_together() -> None:
    path = CORPUS / "image" / "sofa_grid1x5_420.avif"
    header = read_photo(path)
    assert header is not None
    photo = tiled_photo(Source(path, path.name), header, Limits())
    assert photo is not None
    found = np.asarray(photo[0], dtype=float)
    with Image.open(path) as image:
        wanted = np.asarray(image.convert("RGB"), dtype=float)
    assert found.shape == wanted.shape == (770, 1024, 3)
    assert 10 * np.log10(255**2 / ((found - wanted) ** 2).mean()) > 30


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_a_photo_that_lost_tiles_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(CorruptMedia, match=r"bitflip\.heic.*tiles are lost"):
        run_image(CORPUS / "broken" / "mutated" / "bitflip.heic", tmp_path / "out")
