"""The error tree keeps its promises."""

from __future__ import annotations

import pickle

import pytest

from reelyard.cluster import errors
from reelyard.cluster.errors import ReelyardError, error_classes, error_from_dict


@pytest.mark.parametrize("cls", error_classes(), ids=lambda cls: cls.__name__)
def test_every_error_survives_pickling_with_its_fields(cls: type[ReelyardError]) -> None:
    error = cls("what", details={"width": 5}, internal="why", retry_after_s=2.5)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (again.message, again.details) == ("what", {"width": 5})
    assert (again.internal, again.retry_after_s) == ("why", 2.5)


@pytest.mark.parametrize("cls", error_classes(), ids=lambda cls: cls.__name__)
def test_every_error_comes_back_from_its_public_form(cls: type[ReelyardError]) -> None:
    again = error_from_dict(cls("what", details={"n": 1}).as_dict())
    assert type(again) is cls
    assert again.as_dict() == cls("what", details={"n": 1}).as_dict()


def test_a_class_that_ray_made_of_an_error_is_not_taken_for_it() -> None:
    class RayTaskError(errors.NotFound):
        def __init__(self, cause: Exception) -> None:
            super().__init__(str(cause))

    assert type(error_from_dict({"code": "not_found", "message": "no"})) is errors.NotFound
    assert RayTaskError not in error_classes()


def test_codes_are_unique_and_statuses_are_those_of_errors() -> None:
    classes = error_classes()
    assert len({cls.code for cls in classes}) == len(classes)
    assert all(400 <= cls.http_status < 600 for cls in classes)


def test_the_tree_at_the_top_of_the_file_names_every_class_with_its_code_and_status() -> None:
    drawn = (errors.__doc__ or "").splitlines()
    for cls in error_classes():
        line = next(line for line in drawn if cls.__name__ in line.replace("─", " ").split())
        assert cls.code in line.split()
        assert str(cls.http_status) in line.split()
        assert ("retryable" in line) is cls.retryable, cls.__name__
