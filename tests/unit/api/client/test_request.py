"""Requests of the client: which inputs and outputs they take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest

from reelyard.api.client.request import (
    InputLike,
    JobRequest,
    in_folder,
    local_url,
    many_requests,
    request,
    sent_as,
    spec_of,
)
from reelyard.cluster.errors import (
    InvalidInput,
    ValidationFailed,
)


@pytest.mark.parametrize("item", ["", None, 5, b"clip.mp4"])
def test_an_input_is_text_or_a_path(item: object) -> None:
    with pytest.raises(InvalidInput, match="neither a path nor a URL"):
        request("probe", [cast("InputLike", item)])


@pytest.mark.parametrize("item", [None, 5, b"clip.mp4"])
def test_what_is_no_input_at_all_is_refused_as_such(item: object) -> None:
    with pytest.raises(InvalidInput, match=r"input: .* is neither a path nor a URL"):
        request("probe", cast("InputLike", item))


@pytest.mark.parametrize("field", ["params", "metadata"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([1], "must be a dict, not \\[1\\]"),
        ({"a": {1}}, "can't be sent as JSON: .*set"),
        ({"a": Path("x")}, "can't be sent as JSON: .*Path"),
    ],
)
def test_parameters_and_metadata_are_objects_of_json(field: str, value: Any, told: str) -> None:
    with pytest.raises(ValidationFailed, match=f"{field}: {told}"):
        request("probe", "http://a/b", **{field: value})


def test_outputs_of_the_same_name_are_refused_and_both_inputs_named() -> None:
    assert in_folder("out", ["a/x.mp4", Path("b/y.mp4")]) == "out/"
    assert in_folder("out/", []) == "out/"
    assert in_folder(None, ["x.mp4", "x.mp4"]) is None
    same: list[list[InputLike]] = [["a/x.mp4", Path("b/x.mkv")], ["a/x.mp4", "a/x.mp4"]]
    for inputs in same:
        with pytest.raises(ValidationFailed, match=r"a/x\.mp4 and .*/x\.m.*same file in out/"):
            in_folder("out", inputs)


def test_a_path_that_is_not_utf_8_is_remembered_as_its_url() -> None:
    path = Path(os.fsdecode(b"/clips/caf\xe9.mp4"))
    spec = spec_of(request("probe", path, output=path))
    assert spec.input == spec.output_sent == "file:///clips/caf%E9.mp4"
    assert sent_as("/clips/caf\u00e9.mp4") == "/clips/caf\u00e9.mp4"


def test_a_name_that_begins_with_a_tilde_may_be_a_file() -> None:
    assert local_url("~nobody-at-all.mp4").endswith("/~nobody-at-all.mp4")
    assert local_url("~/a.mp4") == (Path.home() / "a.mp4").as_uri()


def test_requests_that_cannot_be_sent_have_their_errors_in_place() -> None:
    items = ["a/x.mp4", cast("InputLike", None), "b/x.mkv", "y.mp4", ""]
    sent = many_requests("probe", items, output="out")
    assert [type(one) for one in sent] == [
        JobRequest,
        InvalidInput,
        ValidationFailed,
        JobRequest,
        InvalidInput,
    ]


def test_a_url_that_is_signed_anew_gives_the_same_fingerprint() -> None:
    marks = {
        spec_of(
            request("probe", f"https://h.test/a?sig={signature}", idempotency_key="k")
        ).fingerprint
        for signature in ("one", "two")
    }
    assert len(marks) == 1
