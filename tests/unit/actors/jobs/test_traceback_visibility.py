from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs.model import ErrorInfo
from reelyard.actors.jobs.traceback_visibility import TRACEBACK, sees_traceback, told_error

TOLD = ErrorInfo("internal", "it failed", details={TRACEBACK: "line 7", "frames": 3})


@pytest.mark.parametrize(
    ("admin", "owner", "embedded", "sees"),
    [
        (True, False, False, True),
        (True, True, True, True),
        (False, True, True, True),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, False, False),
    ],
)
def test_admins_and_owners_on_an_embedded_cluster_see_tracebacks(
    admin: bool, owner: bool, embedded: bool, sees: bool
) -> None:
    assert sees_traceback(admin=admin, owner=owner, embedded=embedded) is sees


@given(st.booleans())
def test_another_tenant_who_is_no_admin_never_sees_one(embedded: bool) -> None:
    assert not sees_traceback(admin=False, owner=False, embedded=embedded)


@given(st.dictionaries(st.text(max_size=9), st.integers(), max_size=4))
def test_only_the_traceback_is_kept_back(details: dict[str, Any]) -> None:
    error = ErrorInfo("c", "m", retryable=True, details=details | {TRACEBACK: "x"})
    hidden = told_error(error, traceback=False)
    assert hidden is not None
    assert hidden["details"] == {k: v for k, v in details.items() if k != TRACEBACK}
    told = told_error(error, traceback=True)
    assert told is not None
    assert told["details"] == error.details
    assert error.details[TRACEBACK] == "x"


def test_no_error_is_told_as_none() -> None:
    assert told_error(None, traceback=True) is None
    assert told_error(TOLD, traceback=False) == {
        "code": "internal",
        "message": "it failed",
        "retryable": False,
        "details": {"frames": 3},
    }
