"""Real encodes through the engine: finished, cancelled, broken."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import ray

from reelyard.actors.jobs.model import JobSpec, State
from reelyard.actors.testing.sample_media import make_sample
from tests.integration.actors.worker.running_engine import RunningEngine

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    make_sample(path, duration_s=2.0)
    return path


def test_a_clip_is_transcoded_to_where_it_was_asked_for(
    engine: RunningEngine, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "small.mp4"
    spec = JobSpec("transcode", inputs=[clip.as_uri()], params={"height": 90}, output=out.as_uri())
    (job,) = engine.wait(engine.submit(spec))
    assert job.state is State.SUCCEEDED, job.error
    assert out.stat().st_size == job.outputs[0].size
    assert job.outputs[0].facts["height"] == 90
    assert [path.name for path in tmp_path.iterdir()] == ["small.mp4"]


def test_a_broken_clip_fails_and_leaves_no_half_file(
    engine: RunningEngine, clip: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[:2000])
    out = tmp_path / "out.mp4"
    spec = JobSpec("transcode", inputs=[broken.as_uri()], output=out.as_uri())
    (job,) = engine.wait(engine.submit(spec))
    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error.code == "corrupt_media"
    assert [path.name for path in tmp_path.iterdir()] == ["broken.mp4"]


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_cancel_of_a_running_encode_frees_the_worker(
    engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory, codec: str
) -> None:
    folder = tmp_path_factory.mktemp("cancel")
    source = folder / "long.mp4"
    make_sample(source, duration_s=20.0, width=640, height=360)
    out = folder / "out.webm" if codec == "vp9" else folder / "out.mp4"
    spec = JobSpec(
        "transcode",
        inputs=[source.as_uri()],
        params={"codec": codec, "quality": "very_high"},
        output=out.as_uri(),
    )
    (job_id,) = engine.submit(spec)
    engine.until(lambda: engine.job(job_id).progress > 8)
    slot = engine.job(job_id).tasks[0].attempts[0].worker
    asked = time.monotonic()
    ray.get(engine.registry.cancel_many.remote([job_id], None))
    engine.until(lambda: engine.worker(slot).held == 0, timeout_s=10)
    print(f"worker free {time.monotonic() - asked:.2f} s after the cancel")
    assert engine.job(job_id).state is State.CANCELLED
    assert not out.exists()
    assert [path.name for path in folder.iterdir()] == ["long.mp4"]
