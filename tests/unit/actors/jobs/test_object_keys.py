"""The layout of stored objects. The literal keys are those of stores that exist: they stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.jobs import object_keys
from reelyard.cluster.errors import BadRequest


def test_stored_objects_keep_the_keys_that_they_have() -> None:
    output = object_keys.output_key("t", "j", "transcode", 2, "a.mp4")
    assert output == "tenants/t/jobs/j/transcode-2/a.mp4"
    assert object_keys.job_prefix("t", "j") == "tenants/t/jobs/j/"
    assert object_keys.attempt_folder("transcode", 2) == "transcode-2"
    assert object_keys.uploads_prefix("t") == "tenants/t/uploads/"
    assert object_keys.answers_prefix("t") == "tenants/t/answers/"
    assert object_keys.temporary_key("t", "in/a.wav") == "tenants/t/dlb/in/a.wav"
    assert object_keys.TENANTS == "tenants"


def test_an_output_lies_in_its_attempts_folder_whatever_it_is_called() -> None:
    key = object_keys.output_key("t", "j", "transcode", 2, "../a.mp4")
    assert key == "tenants/t/jobs/j/transcode-2/a.mp4"


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_tenant_never_reaches_into_another_folder(tenant: str, name: str) -> None:
    try:
        key = object_keys.temporary_key("me", name)
    except BadRequest:
        pass
    else:
        assert key.startswith("tenants/me/dlb/")
        assert ".." not in key.split("/")
    try:
        prefix = object_keys.uploads_prefix(tenant)
    except BadRequest:
        return
    assert prefix.split("/") == ["tenants", tenant, "uploads", ""]


@pytest.mark.parametrize("tenant", ["", "..", "a/b", "a\\b", "a\n"])
def test_a_tenant_that_is_no_folder_name_has_no_keys(tenant: str) -> None:
    with pytest.raises(BadRequest):
        object_keys.tenant_prefix(tenant)
