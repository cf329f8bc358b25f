"""Parameters of operations, as the command line shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelyard.actors.media.operation import Params
from reelyard.api.cli.operations import allowed, default


class _Example(Params):
    """An example."""

    width: Annotated[int, Field(ge=2, le=8192)] = 640
    fit: Literal["contain", "cover"] = "contain"
    rate: float | None = Field(None, gt=0)
    loud: bool = True
    name: str


def test_bounds_choices_and_defaults_read_like_prose() -> None:
    schema = _Example.model_json_schema()
    facts = schema["properties"]
    shown = {name: (allowed(fact, {}), default(fact)) for name, fact in facts.items()}
    assert shown == {
        "width": ("2 to 8192", "640"),
        "fit": ("contain | cover", "contain"),
        "rate": ("number from 0", "-"),
        "loud": ("true | false", "true"),
        "name": ("text", "required"),
    }
