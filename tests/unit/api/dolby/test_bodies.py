"""Bodies that Dolby's documentation does not show."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from reelyard.api.dolby.bodies import EnhanceBody

PLACES = {"input": "dlb://in.wav", "output": "dlb://out.wav"}


@pytest.mark.parametrize(
    "body",
    [
        {"output": "dlb://out.wav"},
        {"input": "dlb://in.wav"},
        PLACES | {"audio": {"noise": {"reduction": {"amount": "enormous"}}}},
        PLACES | {"audio": {"loudness": {"target_level": 3}}},
        PLACES | {"audio": {"reverb": {}}},
        PLACES | {"content": {"type": "opera"}},
    ],
)
def test_a_wrong_body_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EnhanceBody.model_validate(body)
