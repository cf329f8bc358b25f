"""Faults are told in one form: the field, its value, what is allowed, what was meant."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from reelyard.cluster.errors import NotFound
from reelyard.cluster.faults import (
    about,
    closest,
    faults_of,
    field_of,
    moved,
    of_field,
    plain_loc,
    refusal,
    unfit,
)


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    region: Literal["here", "there"] = "here"


class Request(BaseModel):
    """As operations and bodies are."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    height: int = Field(2, ge=2, le=16384)
    ratio: float = Field(1, gt=0)
    kind: Literal["gif", "clip", "thumbnail"] = "gif"
    flag: bool = False
    name: Annotated[str, Field(min_length=2, max_length=4, pattern="^[a-z]+$")] = "abc"
    items: list[Annotated[int, Field(le=9)]] = Field([], max_length=3)
    at: datetime | None = None
    source: str | Place = "s"
    never: None = None
    even: int = 2

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


def faults(model: type[BaseModel], sent: object) -> list[dict[str, Any]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(sent)
    return faults_of(caught.value, model.model_json_schema(), sent)


@pytest.mark.parametrize(
    ("sent", "field", "message", "allowed"),
    [
        ({"height": 0}, "height", "must be at least 2, not 0", "2 to 16384"),
        ({"height": 99999}, "height", "must be at most 16384, not 99999", "2 to 16384"),
        ({"height": "x"}, "height", "must be a whole number, not 'x'", "2 to 16384"),
        ({"height": 2.5}, "height", "must be a whole number, not 2.5", "2 to 16384"),
        ({"ratio": 0}, "ratio", "must be more than 0, not 0", "number from 0"),
        ({"ratio": "x"}, "ratio", "must be a number, not 'x'", "number from 0"),
        (
            {"kind": "thumnail"},
            "kind",
            "must be one of gif, clip, thumbnail, not 'thumnail'; did you mean thumbnail?",
            ["gif", "clip", "thumbnail"],
        ),
        ({"flag": "x"}, "flag", "must be true or false, not 'x'", "true | false"),
        ({"items": [1, 12]}, "items.1", "must be at most 9, not 12", "integer up to 9"),
        ({"items": [1] * 4}, "items", "must have at most 3 items, not 4", "list of up to 3 items"),
        ({"items": {}}, "items", "must be a list, not an object", "list of up to 3 items"),
        ({"height": [9]}, "height", "must be a whole number, not a list", "2 to 16384"),
        ({"height": None}, "height", "must be a whole number, not null", "2 to 16384"),
        ({"source": {"url": "u", "region": "hre"}}, "source.region", None, ["here", "there"]),
        ({"even": 3}, "even", "must be even, not 3", None),
        ({"never": 5}, "never", "must be left out, not 5", None),
    ],
)
def test_a_wrong_value_is_told_with_its_field_and_what_is_allowed(
    sent: dict[str, Any], field: str, message: str | None, allowed: object
) -> None:
    found = next(one for one in faults(Request, sent) if one["field"] == field)
    assert message is None or found["message"] == message
    assert found.get("allowed") == allowed
    if isinstance(sent.get(field), str | int | float):
        assert found["value"] == sent[field]


@pytest.mark.parametrize(
    ("sent", "field", "meant"),
    [
        ({"heigth": 720}, "heigth", "height"),
        ({"HEIGHT": 720}, "HEIGHT", "height"),
        ({"source": {"url": "u", "regoin": "here"}}, "source.regoin", "region"),
        ({"zzzzzz": 1}, "zzzzzz", None),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(
    sent: dict[str, Any], field: str, meant: str | None
) -> None:
    found = next(one for one in faults(Request, sent) if one["field"] == field)
    assert found["kind"] == "unknown"
    assert found.get("suggestion") == meant
    assert (f"did you mean {meant}?" in found["message"]) == (meant is not None)
    assert found["allowed"]


def test_an_error_has_the_facts_of_its_first_fault_and_all_faults() -> None:
    sent = {"heigth": 720, "flag": "x"}
    with pytest.raises(ValidationError) as caught:
        Request.model_validate(sent)
    error = unfit(Request, caught.value, sent, "resize")
    assert error.message.startswith("resize: flag: must be true or false, not 'x'; heigth: ")
    assert error.details["field"] == "flag"
    assert error.details["value"] == "x"
    assert [one["field"] for one in error.details["errors"]] == ["flag", "heigth"]


def test_what_a_value_may_be_instead_is_told_once_for_each_field() -> None:
    found = faults(Request, {"source": 5})
    assert len(found) == 2
    text = refusal(found).message
    assert text.count("source") == 1
    assert " or " in text


def test_a_fault_moves_with_what_holds_its_value() -> None:
    (found,) = faults(Request, {"height": 0})
    assert moved(found, "body", "params")["field"] == "params.height"
    assert field_of(["query", "limit"]) == "limit"
    assert field_of(["body"]) == "body"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
PYDANTIC = re.compile("Input should|Extra inputs|Field required|String should|Value error")


@given(st.dictionaries(st.sampled_from([*Request.model_fields, "heigth", "x"]), ANY))
def test_whatever_is_sent_is_refused_in_words_of_our_own(sent: dict[str, Any]) -> None:
    try:
        Request.model_validate(sent)
    except ValidationError as error:
        found = unfit(Request, error, sent)
        assert not PYDANTIC.search(found.message)
        for one in found.details["errors"]:
            assert one["field"].split(".")[0] in sent
            assert one["message"]


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_only_a_name_that_there_is_is_ever_suggested(name: str, names: list[str]) -> None:
    found = closest(name, names)
    assert found is None or found in names


class Task(BaseModel):
    input: str | Place
    steps: list[str | Place] = []


@pytest.mark.parametrize(
    ("sent", "locs"),
    [
        ({"input": 5}, [["input"], ["input"]]),
        ({"input": {}}, [["input"], ["input", "url"]]),
        ({"input": {"url": 5}}, [["input"], ["input", "url"]]),
        ({"input": {"url": "u", "more": 1}}, [["input"], ["input", "more"]]),
        ({"input": "u", "steps": ["u", 5]}, [["steps", 1], ["steps", 1]]),
        ({}, [["input"]]),
    ],
)
def test_a_fault_lies_where_the_sender_sees_it_whatever_types_were_tried(
    sent: object, locs: list[list[str | int]]
) -> None:
    with pytest.raises(ValidationError) as caught:
        Task.model_validate(sent)
    assert [plain_loc(dict(fault), sent) for fault in caught.value.errors()] == locs


def test_of_a_union_only_the_member_of_the_type_that_was_sent_is_heard() -> None:
    wrong = unfit(Request, _error(Request, sent := {"source": {"url": 5}}), sent)
    assert wrong.message == "source.url: must be text, not 5"
    wrong = unfit(Request, _error(Request, {"source": 5}), {"source": 5})
    assert wrong.message == "source: must be text or must be an object, not 5"


class OneOf(BaseModel):
    url: str | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _one(self) -> OneOf:
        if self.url is None and self.text is None:
            raise of_field("url", "is required", "missing")
        if self.text is not None:
            raise of_field("text", "can't stand beside url")
        return self


def test_a_validator_of_a_whole_model_tells_which_field_it_is_about() -> None:
    assert faults(OneOf, {}) == [
        {"field": "url", "loc": ["url"], "kind": "missing", "message": "is required"}
    ]
    (found,) = faults(OneOf, {"url": "u", "text": "t"})
    assert (found["field"], found["value"]) == ("text", "t")


def test_an_error_learns_which_field_it_is_about_once() -> None:
    with pytest.raises(NotFound) as caught, about("url", "x:y", ["https"]), about("url", "other"):
        raise NotFound("there is nothing", details={"job_id": "j"})
    assert caught.value.message == "url: there is nothing"
    assert caught.value.details == {"field": "url", "value": "other", "job_id": "j"}


def _error(model: type[BaseModel], sent: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(sent)
    return caught.value
