"""Faults come out in pydantic v1's words."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reelyard.api.http.pydantic_v1_wording import pydantic_v1
from reelyard.cluster import faults


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    count: int = Field(1, ge=1, lt=10)
    ratio: float = 0.5
    kind: Literal["gif", "clip"] = "gif"
    flag: bool = False
    name: Annotated[str, Field(min_length=2, max_length=4)] = "abc"
    items: list[int] = []
    more: dict[str, int] = {}


def faults_of(data: object) -> list[dict[str, object]]:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate(data)
    found = faults.faults_of(caught.value, Body.model_json_schema(), data)
    return [pydantic_v1(fault) for fault in found]


def test_a_missing_field_reads_as_the_document_shows_it() -> None:
    assert faults_of({}) == [
        {"loc": ["url"], "msg": "field required", "type": "value_error.missing"}
    ]


@pytest.mark.parametrize(
    ("field", "value", "msg", "kind"),
    [
        ("url", 5, "str type expected", "type_error.str"),
        ("count", "x", "value is not a valid integer", "type_error.integer"),
        ("count", 1.5, "value is not a valid integer", "type_error.integer"),
        (
            "count",
            0,
            "ensure this value is greater than or equal to 1",
            "value_error.number.not_ge",
        ),
        ("count", 10, "ensure this value is less than 10", "value_error.number.not_lt"),
        ("ratio", "x", "value is not a valid float", "type_error.float"),
        ("kind", "x", "unexpected value; permitted: 'gif', 'clip'", "value_error.const"),
        ("flag", "x", "value could not be parsed to a boolean", "type_error.bool"),
        (
            "name",
            "a",
            "ensure this value has at least 2 characters",
            "value_error.any_str.min_length",
        ),
        (
            "name",
            "abcde",
            "ensure this value has at most 4 characters",
            "value_error.any_str.max_length",
        ),
        ("items", 5, "value is not a valid list", "type_error.list"),
        ("more", 5, "value is not a valid dict", "type_error.dict"),
        ("webhook_url", "x", "extra fields not permitted", "value_error.extra"),
    ],
)
def test_a_wrong_value_reads_as_pydantic_v1_put_it(
    field: str, value: object, msg: str, kind: str
) -> None:
    assert faults_of({"url": "u", field: value}) == [{"loc": [field], "msg": msg, "type": kind}]


def test_what_v1_had_no_words_for_keeps_its_sentence() -> None:
    fault = faults.fault(["a", 1], "must be even")
    assert pydantic_v1(fault) == {"loc": ["a", 1], "msg": "must be even", "type": "value_error"}
