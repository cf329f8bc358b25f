"""Requests of the client: which inputs and outputs they take."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from api.client.request import InputLike, in_folder, request
from cluster.errors import (
    InvalidInput,
    ValidationFailed,
)


@pytest.mark.parametrize("item", ["", None, 5, b"clip.mp4"])
def test_an_input_is_text_or_a_path(item: object) -> None:
    with pytest.raises(InvalidInput, match="neither a path nor a URL"):
        request("probe", [cast("InputLike", item)])


def test_outputs_of_the_same_name_are_refused_and_both_inputs_named() -> None:
    assert in_folder("out", ["a/x.mp4", Path("b/y.mp4")]) == "out/"
    assert in_folder("out/", []) == "out/"
    assert in_folder(None, ["x.mp4", "x.mp4"]) is None
    same: list[list[InputLike]] = [["a/x.mp4", Path("b/x.mkv")], ["a/x.mp4", "a/x.mp4"]]
    for inputs in same:
        with pytest.raises(ValidationFailed, match=r"a/x\.mp4 and .*/x\.m.*same file in out/"):
            in_folder("out", inputs)
