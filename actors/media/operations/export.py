"""Operation `export`: hand a file on unchanged, so that a graph can deliver it somewhere."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path

from pydantic import Field, field_validator

from reelyard.actors.media.catalogue import operation
from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.codec.verify import facts_of
from reelyard.actors.media.operation import Kind, MediaFile, Params, Result, Source, Work, mime_of
from reelyard.cluster.errors import EmptySource, MediaError

_PIECE = 8 << 20
"""Bytes that are copied at a time."""


class ExportParams(Params):
    """Deliver files unchanged to the job's destination."""

    name: str | None = Field(
        None, max_length=255, description="file name at the destination; unset: as it is called"
    )

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str | None) -> str | None:
        if name is not None and (name != Path(name).name or name in (".", "..") or "\0" in name):
            raise ValueError("must be a plain file name, without a folder")
        return name


@operation("export", params=ExportParams, lane="light", kind="data", inputs=(1, 100))
def export(work: Work[ExportParams]) -> Result:
    """The inputs, copied into the output folder."""
    files = []
    for number, source in enumerate(work.inputs):
        work.progress("package", fraction=number / len(work.inputs))
        files.append(_pass_on(source, work))
    return Result(files=files, data={"files": [file.path.name for file in files]})


def _pass_on(source: Source, work: Work[ExportParams]) -> MediaFile:
    name = source.name
    if work.params.name and len(work.inputs) == 1:
        name = work.params.name
    target = _free(work.out_dir / (Path(name).name or "output"))
    with media_errors(source.name):
        if source.path.stat().st_size == 0:
            raise EmptySource(f"{source.name!r} is empty")
        _copy(source.path, target, work.progress)
    kind: Kind = _kind_of(target)
    try:
        facts = facts_of(probe_media(Source(target, source.name), work.limits))
    except MediaError:
        # Any file may be handed on, whether it is media or not.
        facts = {}
    return MediaFile(target, kind, facts, content_type=mime_of(target.name))


def _free(path: Path) -> Path:
    for number in range(2, 1000):
        if not path.exists():
            return path
        path = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return path


def _copy(source: Path, target: Path, tick: Callable[[], object]) -> None:
    """Never a second name of the same file: whoever writes to the one must not change the other."""
    with source.open("rb") as given, target.open("wb") as made:
        while piece := given.read(_PIECE):
            made.write(piece)
            tick()


def _kind_of(path: Path) -> Kind:
    kinds: dict[str, Kind] = {"video": "video", "audio": "audio", "image": "image"}
    guessed = mime_of(path.name) or mimetypes.guess_type(path.name)[0] or ""
    return kinds.get(guessed.split("/")[0], "data")
