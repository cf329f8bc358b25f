"""The bodies that the OpenAPI document shows, each of which can be sent as it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reelyard.actors.media.operation import Operation
from reelyard.api.dolby.locations import DLB

VIDEO = "https://example.com/clip.mp4"
STORED_VIDEO = f"{DLB}in/clip.mp4"
_JOB_ID = "01998b1e-5f1a-7c3d-9a53-6f0d2e8b4c11"

PARAMS: Mapping[str, dict[str, Any]] = {
    "transcode": {"format": "mp4", "height": 720},
    "preview": {"preview_type": "thumbnail", "width": 320},
    "image": {"format": "webp", "width": 640},
}
"""What the built-in operations are shown with; others are shown with what they require."""

BODIES: Mapping[str, dict[str, Any]] = {
    "createJobs": {
        "jobs": [
            {"operation": "probe", "url": VIDEO},
            {"operation": "preview", "url": VIDEO, "params": PARAMS["preview"]},
        ]
    },
    "getJobs": {"job_ids": [_JOB_ID]},
    "createUpload": {"filename": "clip.mp4", "size": 1048576},
    "createPreview": {"url": VIDEO, "preview_type": "gif", "duration": 3},
    "createKey": {"tenant": "acme", "name": "laptop"},
    "rotateKey": {"overlap_s": 3600},
    "grantCredits": {"credits": 1000},
    "dolbyStartEnhance": {
        "input": VIDEO,
        "output": f"{DLB}out/clip.mp4",
        "content": {"type": "podcast"},
    },
    "dolbyStartTranscode": {
        "inputs": [{"source": VIDEO}],
        "outputs": [
            {"id": "small", "kind": "mp4", "destination": f"{DLB}out/small.mp4"},
        ],
    },
    "dolbyStartInput": {"url": STORED_VIDEO},
    "ittybitCreateJob": {"kind": "video", "input": VIDEO, "options": {"format": "mp4"}},
    "ittybitCreateTask": {"kind": "probe", "input": VIDEO},
}
"""A body for each operation of the document that takes JSON, by `operationId`; `dolbyStartOutput`
speaks of what a job has stored, and there is none before it."""


def of_operations(operations: Iterable[Operation]) -> dict[str, Any]:
    """A body of `createJob` for each operation, by the operation's name."""
    found = {}
    for op in sorted(operations, key=lambda op: op.name):
        params = PARAMS.get(op.name, _required_values(op))
        if params is None:
            continue
        body: dict[str, Any] = {"operation": op.name, "url": VIDEO}
        if params:
            body["params"] = params
        found[op.name] = {"summary": op.summary, "value": body}
    return found


def _required_values(op: Operation) -> dict[str, Any] | None:
    """A value for each parameter that the operation requires; None where none is known."""
    schema = op.params.model_json_schema()
    values = {}
    for name in schema.get("required", []):
        facts = schema["properties"][name]
        known = [*facts.get("examples", []), *facts.get("enum", []), facts.get("minimum")]
        if known[0] is None:
            return None
        values[name] = known[0]
    return values
