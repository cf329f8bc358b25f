"""The download of outputs that a server elsewhere has made, to where `-o` says."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from reelyard.actors.jobs.locations import File
from reelyard.api.client.request import InputLike
from reelyard.api.client.sync_client import Client
from reelyard.api.client.views import JobView, OutputView
from reelyard.cluster.errors import OutputUnwritable, UnsupportedOutput
from reelyard.cluster.readable_text import readable


def fetch(client: Client, job: JobView, output: str, inputs: Sequence[InputLike]) -> JobView:
    """The job with its outputs at `output`: a file, or a folder if it ends in `/`.

    A job that made no file leaves its data as JSON there, as it would on its own machine.
    Raises `OutputUnwritable`, `UnsupportedOutput`, `Unavailable`.
    """
    target = Path(output).expanduser().absolute()
    folder = target if output.endswith("/") else target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside the target: what is complete is moved, not copied.
        with tempfile.TemporaryDirectory(prefix=".reelyard-", dir=folder) as part:
            files = client.download(job, part) or [_report(job, Path(part))]
            if folder != target and len(files) > 1:
                raise UnsupportedOutput(
                    f"output: {len(files)} files don't fit into {output}; name a folder, with a "
                    "slash at its end"
                )
            places = [folder / file.name if folder == target else target for file in files]
            for file, place in zip(files, places, strict=True):
                _refuse_input(place, inputs)
                file.replace(place)
    except OSError as error:
        raise OutputUnwritable(f"{output} can't be written: {error.strerror}") from error
    outputs = job.outputs or [
        OutputView(readable(places[0].name), "", size=places[0].stat().st_size)
    ]
    moved = [
        msgspec.structs.replace(made, name=readable(place.name), url=str(File.at(place)))
        for made, place in zip(outputs, places, strict=True)
    ]
    return msgspec.structs.replace(job, outputs=moved)


def _report(job: JobView, folder: Path) -> Path:
    path = folder / f"{job.operation}.json"
    text = json.dumps(job.result_data, ensure_ascii=False, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def _refuse_input(place: Path, inputs: Sequence[InputLike]) -> None:
    paths = [item for item in inputs if isinstance(item, Path)]
    if place.exists() and any(map(place.samefile, paths)):
        raise OutputUnwritable(f"the output {place} is the input; it stays as it is")
