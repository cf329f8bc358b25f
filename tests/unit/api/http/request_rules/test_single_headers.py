"""Of two headers that may come once, none counts."""

import pytest

from reelyard.api.http.request_rules.single_headers import SINGLE, check_headers
from reelyard.cluster.errors import BadRequest
from tests.unit.api.api_harness import ApiHarness

SIBLINGS = ("authorization", "host", "content-length", "idempotency-key", "x-api-key", "range")


@pytest.mark.parametrize("name", SIBLINGS)
@pytest.mark.parametrize("second", [b"1", b"2"])
def test_a_header_that_may_come_once_is_refused_twice(name: str, second: bytes) -> None:
    with pytest.raises(BadRequest, match=name):
        check_headers([(name.encode(), b"1"), (b"accept", b"*/*"), (name.encode(), second)])


def test_lists_may_come_in_pieces() -> None:
    lists = (b"accept", b"accept-encoding", b"cookie", b"if-match", b"via", b"x-forwarded-for")
    check_headers([(name, b"1") for name in lists for _ in range(2)])
    assert not SINGLE & set(lists)


def test_a_body_has_a_length_or_chunks_but_not_both() -> None:
    with pytest.raises(BadRequest, match="transfer-encoding"):
        check_headers([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")])


@pytest.mark.parametrize(
    ("path", "field"),
    [("/v1/jobs", "detail"), ("/media/transcode", "detail"), ("/jobs", "message")],
)
async def test_each_dialect_refuses_two_keys_in_its_own_form(
    harness: ApiHarness, path: str, field: str
) -> None:
    headers = [("authorization", "Bearer a"), ("authorization", "Bearer b")]
    answer = await harness.http.get(path, headers=headers)
    assert answer.status_code == 400
    assert "'authorization'" in answer.json()[field]
