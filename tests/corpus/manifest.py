"""The manifest of a folder of media: each file, what is to become of it, and its facts."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal[
    "must_succeed", "should_succeed", "unsupported_clean", "must_fail", "either_clean"
]
Kind = Literal["video", "audio", "image", "unknown"]

MANIFEST = "MANIFEST.tsv"
_IMAGE_READERS = frozenset({"image2", "gif", "ico", "apng"})


@dataclass(frozen=True)
class Entry:
    """A file of the folder."""

    path: str
    """Below the folder."""
    size: int
    """Bytes."""
    valid: bool
    """False: broken or hostile."""
    outcome: Outcome
    facts: dict[str, Any] = field(hash=False)
    """What ffprobe 5.1 told: `fmt`, `dur` (s, as text, or None), `streams`."""

    def is_in(self, folder: Path) -> bool:
        """Whether the file is there, and as long as the manifest says."""
        path = folder / self.path
        return path.is_file() and path.stat().st_size == self.size

    @property
    def kind(self) -> Kind:
        """What the file is, or would be if it were whole."""
        told = {stream["codec_type"] for stream in self.facts["streams"]}
        reader = self.facts["fmt"] or ""
        if self.path.startswith("image/") or reader.endswith("_pipe") or reader in _IMAGE_READERS:
            return "image"
        if self.path.startswith(("audio/", "speech/")):
            return "audio"
        if "video" in told:
            return "video"
        return "audio" if "audio" in told else "unknown"

    @property
    def has_audio(self) -> bool:
        """Whether ffprobe found sound that it could name."""
        return any(
            stream["codec_type"] == "audio" and stream.get("codec_name")
            for stream in self.facts["streams"]
        )

    @property
    def has_others(self) -> bool:
        """Whether there is more in it than video and sound."""
        return any(s["codec_type"] not in ("video", "audio") for s in self.facts["streams"])


def read_manifest(folder: Path) -> list[Entry]:
    """All files of `folder`. Raises `FileNotFoundError` where it has no manifest."""
    with (folder / MANIFEST).open(encoding="utf-8", newline="") as file:
        return [
            Entry(
                path=row["path"],
                size=int(row["bytes"]),
                valid=row["expected"] == "valid",
                outcome=row["outcome"],  # type: ignore[arg-type]  # checked by the tests
                facts=json.loads(row["facts"]),
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]
