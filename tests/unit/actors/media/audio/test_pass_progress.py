"""Progress over several passes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.audio.pass_progress import PassProgress
from reelyard.actors.media.operation import Progress


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0, 20))
def test_progress_never_goes_back_however_many_passes_there_are(
    shares: list[float], length_s: float
) -> None:
    progress = Progress()
    passes = PassProgress(progress, length_s)
    seen = [progress.fraction]
    for share in shares:
        passes.begin("encode", share)
        for done_s in (0.0, length_s / 2, length_s, 2 * length_s):
            passes.at(done_s)
            seen.append(progress.fraction)
    assert seen == sorted(seen)
    assert seen[-1] <= 1.0
