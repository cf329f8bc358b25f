"""Destinations, and what is refused beside them."""

from __future__ import annotations

import pytest

from reelyard.api.dolby.bodies import EnhanceBody, TranscodeBody
from reelyard.api.dolby.locations import destination_url, refuse_auth, refuse_callback
from reelyard.cluster.errors import ValidationFailed

PLACES = {"input": "dlb://in.wav", "output": "dlb://out.wav"}


def test_callbacks_and_credentials_are_refused_clearly() -> None:
    body = EnhanceBody.model_validate(PLACES | {"on_complete": {"url": "https://x/"}})
    with pytest.raises(ValidationFailed, match="on_complete"):
        refuse_callback(body.on_complete, "/media/enhance")
    with pytest.raises(ValidationFailed, match="auth"):
        refuse_auth({"key": "a", "secret": "b"}, "input")


def test_a_destination_may_refer_to_a_bucket_of_the_request() -> None:
    body = TranscodeBody.model_validate(
        {
            "inputs": [{"source": "dlb://in"}],
            "outputs": [{"destination": {"ref": "mine", "filename": "a.mp4"}, "kind": "mp4"}],
            "storage": [{"id": "mine", "bucket": {"url": "s3://bucket/films/"}}],
        }
    )
    destination = body.outputs[0].destination
    assert destination_url(destination, body.storage) == "s3://bucket/films/a.mp4"
    with pytest.raises(ValidationFailed, match="storage"):
        destination_url(destination, [])
